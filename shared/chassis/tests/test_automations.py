"""Automations run once for each event, in order, and pass over none (design 13, 14)."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from pydantic import BaseModel

from shared.chassis.automations import Reactor
from shared.chassis.documents import AnyProjection
from shared.chassis.mongo import Database
from shared.chassis.outbox import Outbox
from shared.chassis.parking import Parking
from shared.chassis.projections import Arrival
from shared.chassis.versions import Versions
from shared.events.pims_sync import ClientSynced, SyncRunAbandoned
from shared.kernel.automation import Automation, Cause, Mail, Reaction
from shared.kernel.decider import Projection
from shared.testing.clocks import NOON
from shared.testing.memory import MemoryEventStore

pytestmark = pytest.mark.anyio


class Post:
    async def send(self, mail: Mail, message_id: str) -> None: ...


async def quiet(*_: object) -> None: ...


class World:
    """A stream `feed-elm` whose events make an automation send a mail, unless it is broken."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.store = MemoryEventStore()
        self.parking = Parking("toy", db, quiet)
        self.broken = False
        automation = Automation("when_abandoned_then_mail", SyncRunAbandoned, self._react)
        outbox = Outbox("toy", db, Post())
        self.reactor = Reactor(automation, (), db, self.store, outbox, self.parking, Versions(db))

    def _react(self, cause: Cause[SyncRunAbandoned]) -> Sequence[Reaction]:
        if self.broken:
            raise ArithmeticError("Zoe of Elm Street")
        return [Mail(to="a@b.example", subject=cause.event.run_id, text="")]

    async def arrivals(self, *runs: str) -> list[Arrival]:
        events = [SyncRunAbandoned(clinic_id="elm", run_id=r, reason="", abandoned_at=NOON) for r in runs]
        await self.store.given("feed-elm", *events)
        stored = await self.store.read_stored("feed-elm")
        decoded = await self.store.codec.events(stored)
        return [Arrival(s, d) for s, d in zip(stored, decoded, strict=True)]

    async def mailed(self) -> list[str]:
        return sorted([row["mail"]["subject"] async for row in self.db["outbox"].find()])

    async def parked(self) -> list[int]:
        return sorted([row["revision"] async for row in self.db["parked"].find()])


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def test_it_runs_once_however_often_the_event_comes(world: World) -> None:
    arrivals = await world.arrivals("a", "b")
    for _ in range(3):
        await world.reactor.apply(arrivals)
    assert await world.mailed() == ["a", "b"]


async def test_an_event_that_cannot_be_read_is_parked_and_those_behind_it_wait(world: World) -> None:
    """What it should have led to would be lost without a trace otherwise."""
    first, second, third = await world.arrivals("a", "b", "c")
    broken = replace(second.stored, data=b"{")
    [unread] = await world.store.codec.events([broken])
    await world.reactor.apply([first, Arrival(broken, unread), third])
    assert (await world.mailed(), await world.parked()) == (["a"], [1, 2])


async def test_an_event_of_another_type_that_cannot_be_read_is_no_matter(world: World) -> None:
    [first] = await world.arrivals("a")
    foreign = replace(first.stored, id=UUID(int=9), data=b"{", type="pims-sync.SyncRunStarted.v1")
    await world.reactor.apply([Arrival(foreign, (await world.store.codec.events([foreign]))[0])])
    assert await world.parked() == []


async def test_behind_a_failure_the_stream_waits_and_runs_in_order_after_the_release(world: World) -> None:
    arrivals = await world.arrivals("a", "b")
    world.broken = True
    await world.reactor.apply(arrivals[:1])
    world.broken = False
    await world.reactor.apply(arrivals)
    assert (await world.mailed(), await world.parked()) == ([], [0, 1])
    await world.reactor.release("feed-elm")
    assert (await world.mailed(), await world.parked()) == (["a", "b"], [])


async def test_a_release_that_dies_midway_can_be_done_again(world: World) -> None:
    """Nothing else brings the events again: they must not be forgotten before they were reacted to."""
    world.broken = True
    await world.reactor.apply(await world.arrivals("a", "b"))
    world.broken = False
    await world.parking.release("when_abandoned_then_mail", "feed-elm")
    assert (await world.mailed(), await world.parked()) == ([], [0, 1])
    for _ in range(2):
        await world.reactor.release("feed-elm")
        assert (await world.mailed(), await world.parked()) == (["a", "b"], [])


async def test_what_fails_again_after_a_release_is_parked_again(world: World) -> None:
    world.broken = True
    await world.reactor.apply(await world.arrivals("a", "b"))
    await world.reactor.release("feed-elm")
    assert (await world.mailed(), await world.parked()) == ([], [0, 1])


async def test_a_mail_knows_whom_it_may_tell_something_of(database: Database) -> None:
    """By the event that it answers and by the documents that were read for it, so that it goes when they are erased."""
    store = MemoryEventStore()
    client = ClientSynced(
        clinic_id="elm", client_id="7", vendor="v", first_name="Zoe", fingerprint="", observed_at=NOON
    )
    await store.given("client-elm.7", client)
    [stored] = await store.read_stored("client-elm.7")
    await database["people"].insert_one({"_id": "elm.7", "_rev": 0, "_clinic": "elm", "_subjects": ["account:a1"]})
    view: AnyProjection = Projection("people", "client", (ClientSynced,), Person, lambda person, _event: person)
    welcoming: Automation[ClientSynced] = Automation(
        "welcoming",
        ClientSynced,
        lambda cause, people: [Mail("a@b.example", "s", "t")],
        lambda cause: {"people": f"elm.{cause.local_id}"},
    )
    outbox, parking = Outbox("toy", database, Post()), Parking("toy", database, quiet)
    reactor = Reactor(welcoming, (view,), database, store, outbox, parking, Versions(database))
    await reactor.apply([Arrival(stored, client)])
    row = await database["outbox"].find_one({})
    assert row is not None
    assert row["_subjects"] == ["account:a1", "client:elm.7"]


class Person(BaseModel): ...


async def test_what_is_parked_quotes_nobody(world: World) -> None:
    world.broken = True
    await world.reactor.apply(await world.arrivals("a"))
    assert "Zoe" not in str([row async for row in world.db["parked"].find()])
