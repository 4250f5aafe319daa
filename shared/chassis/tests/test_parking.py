"""What is kept of an event whose handler failed (design 13)."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from pydantic import BaseModel

from shared.chassis import parking as module
from shared.chassis.documents import Folded, Unwritable
from shared.chassis.mongo import Database
from shared.chassis.parking import Parking, reason_of
from shared.events.envelope import StoredEvent

pytestmark = pytest.mark.anyio


def event(revision: int) -> StoredEvent:
    return StoredEvent(UUID(int=revision), "toy.Counted.v1", "tally-elm.1", revision, 10 * revision, b"{}", b"{}")


class Card(BaseModel):
    keeper: Any = None
    total: int = 0


async def quiet(*_: object) -> None: ...


async def never(*_: object) -> None:
    await asyncio.Event().wait()


async def test_the_first_reason_stays_when_the_event_comes_again(database: Database) -> None:
    parking = Parking("toy", database, quiet)
    await parking.park("cards", event(1), "the handler failed")
    await parking.park("cards", event(1), "waits behind a parked event")
    row = await database["parked"].find_one({})
    assert row is not None
    assert (row["reason"], row["attempts"]) == ("the handler failed", 2)


async def test_only_what_stands_behind_a_parked_event_waits(database: Database) -> None:
    """What comes before it may still have to be folded, after a crash between parking and writing."""
    parking = Parking("toy", database, quiet)
    await parking.park("cards", event(3), "the handler failed")
    await parking.park("cards", event(4), "waits behind a parked event")
    for known in (parking, Parking("toy", database, quiet)):
        assert [await known.blocks("cards", event(revision)) for revision in (2, 3, 4)] == [False, True, True]
        assert not await known.blocks("others", event(4))


async def test_a_released_stream_is_free_again(database: Database) -> None:
    parking = Parking("toy", database, quiet)
    await parking.park("cards", event(3), "the handler failed")
    assert await parking.release("cards", event(3).stream) == 1
    assert not await parking.blocks("cards", event(4))


async def test_the_metric_follows_what_another_process_releases_and_parks(database: Database) -> None:
    worker, operator = (Parking("gauged", database, quiet) for _ in range(2))
    await worker.park("cards", event(3), "the handler failed")
    assert parked_as_told() == 1
    await operator.release("cards", event(3).stream)
    await worker.measure()
    assert parked_as_told() == 0
    await operator.park("cards", event(4), "the handler failed")
    await operator.park("cards", event(5), "waits behind a parked event")
    await Parking("gauged", database, quiet).measure()
    assert parked_as_told() == 2


def parked_as_told() -> float | None:
    return REGISTRY.get_sample_value("vetwire_parked_events", {"service": "gauged", "projection": "cards"})


async def test_a_producer_that_hangs_holds_nobody_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka #1039: a send may never end."""
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    async with asyncio.timeout(5):
        await Parking("toy", database, never).park("cards", event(1), "the handler failed")
    assert await database["parked"].count_documents({}) == 1


def test_the_reason_says_where_and_quotes_nobody() -> None:
    """It is stored in clear and goes to the parked topic, and errors quote what they choke on."""
    try:
        Card.model_validate({"total": "Zoe of Elm Street"})
    except ValueError as error:
        reason = reason_of(error)
    assert "Zoe" not in reason
    assert "ValidationError" in reason
    assert "test_parking.py" in reason


def test_a_document_that_cannot_be_written_is_not_quoted() -> None:
    document = Folded("tally-elm.1", -1, 0, Card(keeper={"Zoe": 1, 2: 3}, total=2**63))
    with pytest.raises(Unwritable) as refused:
        document.to_operation()
    assert "Zoe" not in str(refused.value)
    assert "InvalidDocument" in str(refused.value) or "Error" in str(refused.value)
