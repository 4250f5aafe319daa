"""A view's document on its way into MongoDB and back (design 11)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import bson
import pytest
from pydantic import BaseModel
from pymongo import InsertOne, ReplaceOne

from shared.chassis.codec import Undecodable
from shared.chassis.documents import AnyProjection, Folded, Unwritable, ensure_indexes, folded, has_personal_fields
from shared.chassis.mongo import CODEC, MAX_DOCUMENT_BYTES, Database, Document
from shared.events.base import Event
from shared.events.pims_sync import ClientErased, ClientSynced, SyncRunAbandoned
from shared.kernel.decider import Projection
from shared.testing.clocks import NOON


class Card(BaseModel):
    total: int = 0
    keeper: Any = None


def evolve(card: Card | None, event: SyncRunAbandoned) -> Card | None:
    if event.reason == "bad":
        raise ArithmeticError("Zoe of Elm Street")
    return None if event.reason == "end" else Card(total=(card or Card()).total + 1)


CARDS: AnyProjection = Projection("cards", "feed", (SyncRunAbandoned,), Card, evolve, (("total",), ("keeper", "total")))
PEOPLE: AnyProjection = Projection("people", "client", (ClientErased, ClientSynced), Card, lambda _card, _event: Card())
ERASED = ClientErased(clinic_id="elm", client_id="7", erased_at=NOON)


def fact(reason: str = "") -> SyncRunAbandoned:
    return SyncRunAbandoned(clinic_id="elm", run_id="r", reason=reason, abandoned_at=NOON)


def written(document: Folded) -> Document:
    raw: Any = document.to_raw()
    return bson.decode(raw.raw, CODEC)


def test_a_document_is_its_view_and_what_its_keeper_needs() -> None:
    document = Folded("feed-elm.7", -1, 4, Card(total=2), {"client:elm.2", "client:elm.1"})
    assert written(document) == {
        "_id": "elm.7", "_rev": 4, "_clinic": "elm", "_subjects": ["client:elm.1", "client:elm.2"],
        "total": 2, "keeper": None,
    }  # fmt: skip


def test_a_document_about_nobody_names_no_subjects() -> None:
    assert written(Folded("feed-elm.7", -1, 4, Card())).keys() == {"_id", "_rev", "_clinic", "total", "keeper"}


def test_of_a_document_that_is_no_more_the_revision_is_kept() -> None:
    gone = Folded("feed-elm.7", 3, 4, None, {"client:elm.1"})
    assert written(gone) == {"_id": "elm.7", "_rev": 4, "_clinic": "elm", "_gone": True}


def test_the_first_write_inserts_and_the_next_replaces_what_was_read() -> None:
    assert isinstance(Folded("feed-elm.7", -1, 4, Card()).to_operation(), InsertOne)
    later = Folded("feed-elm.7", 0, 4, Card())
    assert later.to_operation() == ReplaceOne({"_id": "elm.7", "_rev": 0}, later.to_raw())


def test_dates_and_decimals_are_kept_as_text() -> None:
    document = Folded("feed-elm.7", -1, 0, Card(keeper=[date(2026, 11, 22), Decimal("1.50")]))
    assert written(document)["keeper"] == ["2026-11-22", "1.50"]


@pytest.mark.parametrize("keeper", [{2: "Zoe"}, {"Zoe": 2**63}, {"Zoe": "\ud800"}, {"Zoe": object()}])
def test_what_mongodb_cannot_hold_is_told_without_its_content(keeper: Any) -> None:
    with pytest.raises(Unwritable, match=r"^not for MongoDB: \w+$"):
        Folded("feed-elm.7", -1, 0, Card(keeper=keeper)).to_operation()


def test_a_document_may_have_16_mebibytes_and_no_more() -> None:
    empty = len(bson.encode(Folded("feed-elm.7", -1, 0, Card(keeper="")).to_document()))
    fits = Folded("feed-elm.7", -1, 0, Card(keeper="x" * (MAX_DOCUMENT_BYTES - empty)))
    fits.to_operation()
    fits.view = Card(keeper="x" * (MAX_DOCUMENT_BYTES - empty + 1))
    with pytest.raises(Unwritable, match=f"^{MAX_DOCUMENT_BYTES + 1} bytes are more than"):
        fits.to_operation()


def test_an_event_is_folded_in_and_counted_as_seen() -> None:
    document = Folded("feed-elm.7", 1, 1, Card(total=5))
    assert document.take(CARDS, 2, fact()) is None
    assert (document.revision, document.stored_rev, document.view) == (2, 1, Card(total=6))


@pytest.mark.parametrize("event", [None, ERASED])
def test_an_event_that_the_view_does_not_handle_counts_as_seen(event: Event | None) -> None:
    document = Folded("feed-elm.7", 1, 1, Card(total=5))
    assert document.take(CARDS, 2, event) is None
    assert (document.revision, document.view) == (2, Card(total=5))


def test_a_failing_handler_changes_nothing_and_is_told_without_its_words() -> None:
    document = Folded("feed-elm.7", 1, 1, Card(total=5))
    reason = document.take(CARDS, 2, fact("bad"))
    assert reason is not None
    assert reason.startswith("ArithmeticError in evolve (test_documents.py:")
    assert (document.revision, document.view, document.subjects) == (1, Card(total=5), set())


def test_an_event_that_cannot_be_read_changes_nothing() -> None:
    document = Folded("feed-elm.7", 1, 1, Card(total=5))
    assert document.take(CARDS, 2, Undecodable("feed.X.v1 7: not an object")) == "feed.X.v1 7: not an object"
    assert document.revision == 1


def test_whose_fields_went_into_a_document_is_remembered() -> None:
    document = Folded("client-elm.7", 0, 0, None, {"client:elm.1"})
    synced = ClientSynced(clinic_id="elm", client_id="7", vendor="v", fingerprint="", observed_at=NOON)
    assert document.take(PEOPLE, 1, synced) is None
    assert document.subjects == {"client:elm.1", "client:elm.7"}
    assert document.take(PEOPLE, 2, ERASED) is None
    assert document.subjects == {"client:elm.1", "client:elm.7"}


def test_what_was_written_is_read_back() -> None:
    for document in (
        Folded("feed-elm.7", 4, 4, Card(total=2), {"client:elm.1"}),
        Folded("feed-elm.7", 4, 4, Card(total=2)),
        Folded("feed-elm.7", 4, 4, None),
    ):
        assert folded(CARDS, "feed-elm.7", document.to_document()) == document
    assert folded(CARDS, "feed-elm.7", None) == Folded("feed-elm.7", -1, -1, None)


def test_a_view_holds_something_of_a_person_if_one_of_its_events_does() -> None:
    assert has_personal_fields(PEOPLE)
    assert not has_personal_fields(CARDS)
    assert not has_personal_fields(replace(CARDS, handles=(int,))), "what is no event holds nothing"


@pytest.mark.anyio
async def test_indexes_begin_with_the_clinic_and_lead_to_a_persons_traces(database: Database) -> None:
    await ensure_indexes(database["cards"], CARDS)
    await ensure_indexes(database["people"], PEOPLE)
    cards, people = [await indexed(database, name) for name in ("cards", "people")]
    assert cards == [[("_clinic", 1), ("keeper", 1), ("total", 1)], [("_clinic", 1), ("total", 1)], [("_id", 1)]]
    assert people == [[("_id", 1)], [("_subjects", 1)]]


async def indexed(db: Database, collection: str) -> list[list[tuple[str, int]]]:
    return sorted(each["key"] for each in (await db[collection].index_information()).values())
