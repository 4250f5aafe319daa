"""A view follows its streams: each event once, in order, whatever arrives twice, late, broken or not at all (11-13)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pydantic import BaseModel
from pymongo.errors import BulkWriteError, OperationFailure

from shared.chassis.documents import AnyProjection
from shared.chassis.mongo import Database, Document
from shared.chassis.parking import BEHIND, Parking
from shared.chassis.projections import Arrival, Projector
from shared.events.base import Event
from shared.events.envelope import StoredEvent
from shared.events.pims_sync import SyncRunAbandoned
from shared.kernel.decider import Projection
from shared.testing.clocks import NOON
from shared.testing.memory import MemoryEventStore

pytestmark = pytest.mark.anyio
A, B = "feed-elm.a", "feed-elm.b"


class Card(BaseModel):
    runs: tuple[str, ...] = ()
    size: Any = None


def evolve(card: Card | None, event: SyncRunAbandoned) -> Card | None:
    """A run called `bad` breaks the handler, `huge` makes a document that cannot be written, `end` ends it."""
    if event.run_id == "bad":
        raise ArithmeticError("bad")
    if event.run_id == "end":
        return None
    return Card(runs=(*(card or Card()).runs, event.run_id), size=2**63 if event.run_id == "huge" else None)


CARDS: AnyProjection = Projection("cards", "feed", (SyncRunAbandoned,), Card, evolve)


def fact(run: str) -> Event:
    return SyncRunAbandoned(clinic_id="elm", run_id=run, reason="", abandoned_at=NOON)


class World:
    def __init__(self, db: Database) -> None:
        self.db = db
        self.store = Store()
        self.parking = Parking("toy", db, quiet)
        self.projector = self.projecting(CARDS)

    def projecting(self, view: AnyProjection, name: str = "") -> Projector:
        return Projector("toy", view, self.db, self.store, self.parking, name)

    async def happened(self, stream: str, *runs: str) -> list[Arrival]:
        """Append; the arrivals of the whole stream so far."""
        await self.store.given(stream, *map(fact, runs))
        return await self.arrivals(stream)

    async def arrivals(self, stream: str) -> list[Arrival]:
        stored = [event for event in self.store.log if event.stream == stream]
        decoded = await self.store.codec.events(stored)
        return [Arrival(s, d) for s, d in zip(stored, decoded, strict=True)]

    async def card(self, stream: str, collection: str = "cards") -> tuple[int, list[str]] | None:
        """Its revision and its runs."""
        row = await self.db[collection].find_one({"_id": stream.partition("-")[2]})
        return None if row is None else (row["_rev"], row["runs"])

    async def parked(self) -> list[tuple[str, int, bool]]:
        """Stream, revision, and whether it only waits behind another."""
        rows = [row async for row in self.db["parked"].find()]
        return sorted((row["stream"], row["revision"], row["reason"] == BEHIND) for row in rows)


class Store(MemoryEventStore):
    """Something may happen in between, whenever a gap is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[str, int, int | None]] = []
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def read_stored(self, stream: str, first: int = 0, limit: int | None = None) -> list[StoredEvent]:
        self.reads.append((stream, first, limit))
        if (rival := self.meanwhile) is not None:
            self.meanwhile = None
            await rival()
        return await super().read_stored(stream, first, limit)


async def quiet(*_: object) -> None: ...


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def test_a_window_of_several_streams_is_folded_each_in_order(world: World) -> None:
    a, b = await world.happened(A, "1", "2", "3"), await world.happened(B, "4")
    other = await world.happened("login-elm.a", "5")
    before = folded_events()
    await world.projector.apply([a[0], b[0], a[1], *other, a[2]])
    assert (await world.card(A), await world.card(B)) == ((2, ["1", "2", "3"]), (0, ["4"]))
    assert await world.db["cards"].count_documents({}) == 2
    assert folded_events() == before + 4


def folded_events() -> float:
    return REGISTRY.get_sample_value("vetwire_projection_events_total", {"service": "toy", "projection": "cards"}) or 0


async def test_what_comes_again_changes_nothing(world: World) -> None:
    a = await world.happened(A, "1", "2", "3")
    for window in (a[:2], a[:2], a[:1], a[1:], a, a):
        await world.projector.apply(window)
    assert await world.card(A) == (2, ["1", "2", "3"])
    assert await world.parked() == []


async def test_a_gap_is_read_from_the_event_store_and_no_more_than_the_gap(world: World) -> None:
    a = await world.happened(A, "0", "1", "2", "3", "4", "5")
    await world.projector.apply([a[0], a[2], a[5]])
    assert await world.card(A) == (5, ["0", "1", "2", "3", "4", "5"])
    gaps = [read for read in world.store.reads if read[2] is not None]
    assert gaps == [(A, 1, 1), (A, 3, 2)]


async def test_a_stream_whose_beginning_never_came_is_read_from_its_start(world: World) -> None:
    a = await world.happened(A, "0", "1", "2")
    await world.projector.apply([a[2]])
    assert await world.card(A) == (2, ["0", "1", "2"])


async def test_behind_an_event_that_breaks_the_handler_its_stream_waits_and_others_flow(world: World) -> None:
    a, b = await world.happened(A, "0", "bad", "2", "3"), await world.happened(B, "0")
    await world.projector.apply([a[0], a[1], b[0], a[2]])
    await world.projector.apply([a[3]])
    assert (await world.card(A), await world.card(B)) == ((0, ["0"]), (0, ["0"]))
    assert await world.parked() == [(A, 1, False), (A, 2, True), (A, 3, True)]
    assert await world.db["parked"].count_documents({"attempts": 1, "handler": "cards"}) == 3, "tried once only"
    failed = await world.db["parked"].find_one({"revision": 1})
    assert failed is not None
    assert failed["reason"].startswith("ArithmeticError in evolve (")


async def test_an_event_that_breaks_the_handler_in_a_gap_holds_up_all_that_follow(world: World) -> None:
    a = await world.happened(A, "0", "bad", "2", "3", "4")
    await world.projector.apply([a[0], a[3], a[4]])
    assert await world.card(A) == (0, ["0"])
    assert await world.parked() == [(A, 1, False), (A, 2, True), (A, 3, True), (A, 4, True)]


async def test_an_event_that_cannot_be_read_is_parked(world: World) -> None:
    a = await world.happened(A, "0", "1")
    broken = replace(a[1].stored, data=b"{")
    [unread] = await world.store.codec.events([broken])
    await world.projector.apply([a[0], Arrival(broken, unread)])
    assert (await world.card(A), await world.parked()) == ((0, ["0"]), [(A, 1, False)])


async def test_an_event_of_a_type_that_is_not_known_counts_as_seen(world: World) -> None:
    a = await world.happened(A, "0", "1")
    await world.projector.apply([Arrival(a[0].stored, None), a[1]])
    assert await world.card(A) == (1, ["1"])


async def test_a_document_that_cannot_be_written_parks_what_made_it_and_others_flow(world: World) -> None:
    a, b = await world.happened(A, "0", "huge"), await world.happened(B, "0")
    await world.projector.apply([*a, *b])
    assert (await world.card(A), await world.card(B)) == (None, (0, ["0"]))
    assert await world.parked() == [(A, 0, False), (A, 1, False)]
    assert await world.db["parked"].distinct("reason") == ["not for MongoDB: TypeError"]
    assert await world.db["parked"].distinct("handler") == ["cards"]


async def test_a_stored_document_that_does_not_fit_the_view_holds_up_its_stream_alone(world: World) -> None:
    """A changed view needs a rebuild first; without one the worker must not end, and must say what is wrong."""
    a, b = await world.happened(A, "0", "1", "2"), await world.happened(B, "0", "1")
    await world.projector.apply([a[0], b[0]])
    await world.db["cards"].update_one({"_id": "elm.a"}, {"$set": {"runs": "Zoe"}})
    await world.projector.apply([a[1], b[1], a[2]])
    assert await world.card(B) == (1, ["0", "1"])
    assert await world.db["cards"].count_documents({"_id": "elm.a", "_rev": 0, "runs": "Zoe"}) == 1
    assert await world.parked() == [(A, 1, False), (A, 2, True)]
    row = await world.db["parked"].find_one({"revision": 1})
    assert row is not None
    assert row["reason"].startswith("the stored document does not fit the view, rebuild it: ValidationError in ")
    assert "Zoe" not in str(row)


async def test_a_released_stream_goes_on_where_it_stopped(world: World) -> None:
    a = await world.happened(A, "0", "huge", "2")
    await world.projector.apply(a[:2])
    await world.projector.release(A)
    assert await world.card(A) == (2, ["0", "huge", "2"])
    assert await world.parked() == []


async def test_what_fails_again_after_a_release_is_parked_again_with_the_new_reason(world: World) -> None:
    a = await world.happened(A, "0", "1", "bad", "3")
    world.projector.projection = replace(CARDS, evolve=broken)
    await world.projector.apply(a)
    assert await world.parked() == [(A, 0, False), (A, 1, True), (A, 2, True), (A, 3, True)]
    world.projector.projection = CARDS
    await world.projector.release(A)
    assert await world.card(A) == (1, ["0", "1"])
    assert await world.parked() == [(A, 2, False), (A, 3, True)]
    assert await world.db["parked"].count_documents({"released": True}) == 0
    assert await world.parking.blocks("cards", a[2].stored)


def broken(*_: object) -> None:
    raise ArithmeticError("bad")


async def test_of_a_stream_that_is_no_more_nothing_stays_parked(world: World) -> None:
    a = await world.happened(A, "bad")
    await world.projector.apply(a)
    world.store.log.clear()
    await world.projector.release(A)
    assert await world.parked() == []


async def test_a_document_that_ended_is_remembered_with_its_revision(world: World) -> None:
    a = await world.happened(A, "0", "end", "2")
    await world.projector.apply(a[:2])
    assert await world.db["cards"].find_one({}) == {"_id": "elm.a", "_rev": 1, "_clinic": "elm", "_gone": True}
    await world.projector.apply(a)
    assert await world.card(A) == (2, ["2"])


async def test_a_document_that_another_worker_inserted_meanwhile_is_folded_on(world: World) -> None:
    a, b = await world.happened(A, "0", "1"), await world.happened(B, "0")
    rival = world.projecting(CARDS)
    world.store.meanwhile = lambda: rival.apply(a[:1])
    await world.projector.apply([a[1], *b])
    assert (await world.card(A), await world.card(B)) == ((1, ["0", "1"]), (0, ["0"]))


async def test_a_document_that_another_worker_replaced_meanwhile_is_folded_on(world: World) -> None:
    a = await world.happened(A, "0", "1", "2", "3")
    await world.projector.apply(a[:1])
    rival = world.projecting(CARDS)
    world.store.meanwhile = lambda: rival.apply(a[1:2])
    await world.projector.apply([a[3]])
    assert await world.card(A) == (3, ["0", "1", "2", "3"])


async def test_a_write_that_fails_otherwise_is_told_without_the_documents(world: World) -> None:
    world.projector._collection = Refusing([{"code": 121, "op": "Zoe"}, {"code": 11000}])  # type: ignore[assignment]
    with pytest.raises(OperationFailure) as refused:
        await world.projector.apply(await world.happened(A, "0"))
    assert str(refused.value).startswith("a bulk write failed with [121]")
    assert refused.value.__cause__ is None


class Refusing:
    def __init__(self, errors: Sequence[Document]) -> None:
        self.errors = errors

    async def bulk_write(self, operations: Sequence[object], ordered: bool = True) -> None:
        assert not ordered
        raise BulkWriteError({"writeErrors": self.errors})


async def test_a_version_beside_the_live_one_keeps_and_parks_under_its_own_name(world: World) -> None:
    beside = world.projecting(CARDS, "cards_v2")
    a = await world.happened(A, "0", "bad", "2")
    await beside.apply(a[:2])
    assert (await world.card(A), await world.card(A, "cards_v2")) == (None, (0, ["0"]))
    row = await world.db["parked"].find_one({})
    assert row is not None
    assert row["handler"] == beside.name == "cards_v2"
    await beside.apply(a[2:])
    assert await world.card(A, "cards_v2") == (0, ["0"])
