"""What a view holds of a person who was erased is folded anew from what can still be read (design 6, 11)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from pydantic import BaseModel

from shared.chassis.documents import AnyProjection
from shared.chassis.mongo import Database, Document
from shared.chassis.parking import Parking
from shared.chassis.projections import Arrival, Projector
from shared.events.envelope import StoredEvent
from shared.events.pims_sync import ClientSynced
from shared.kernel.decider import Projection
from shared.testing.clocks import NOON
from shared.testing.memory import MemoryEventStore

pytestmark = pytest.mark.anyio


class Person(BaseModel):
    name: str | None = None
    writes: int = 0


def evolve(person: Person | None, event: ClientSynced) -> Person:
    return Person(name=event.first_name, writes=(person or Person()).writes + 1)


def broken(*_: object) -> None:
    raise ArithmeticError("bad")


PEOPLE: AnyProjection = Projection("people", "client", (ClientSynced,), Person, evolve)


class Store(MemoryEventStore):
    """Something may happen in between, when a stream is read."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def read_stored(self, stream: str, first: int = 0, limit: int | None = None) -> list[StoredEvent]:
        rival, self.meanwhile = self.meanwhile, None
        if rival is not None:
            await rival()
        return await super().read_stored(stream, first, limit)


class World:
    """A view of people, one document for each stream of a client."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.store = Store()
        self.projector = Projector("toy", PEOPLE, db, self.store, Parking("toy", db, _quiet))

    async def synced(self, client_id: str, *names: str) -> None:
        stream = f"client-elm.{client_id}"
        await self.store.given(stream, *(client(client_id, name) for name in names))
        stored = [event for event in self.store.log if event.stream == stream][-len(names) :]
        decoded = await self.store.codec.events(stored)
        await self.projector.apply([Arrival(s, d) for s, d in zip(stored, decoded, strict=True)])

    async def person(self, client_id: str) -> Document | None:
        found: Document | None = await self.db["people"].find_one({"_id": f"elm.{client_id}"})
        return found


async def _quiet(*_: object) -> None: ...


def client(client_id: str, name: str) -> ClientSynced:
    return ClientSynced(
        clinic_id="elm", client_id=client_id, vendor="v", first_name=name, fingerprint="", observed_at=NOON
    )


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def test_the_erased_go_and_the_others_stay(world: World) -> None:
    await world.synced("1", "Zoe", "Zed")
    await world.synced("2", "Yan")
    await world.store.keys.erase("client:elm.1")
    await world.projector.fold_anew("client:elm.1")
    assert await world.person("1") == {"_id": "elm.1", "_rev": 1, "_clinic": "elm", "name": None, "writes": 2}
    other = await world.person("2")
    assert other is not None
    assert (other["name"], other["_subjects"]) == ("Yan", ["client:elm.2"])


async def test_a_fold_that_fails_leaves_the_document_and_parks(world: World) -> None:
    await world.synced("1", "Zoe")
    world.projector.projection = replace(PEOPLE, evolve=broken)
    await world.projector.fold_anew("client:elm.1")
    row, parked = await world.person("1"), await world.db["parked"].find_one({})
    assert row is not None
    assert parked is not None
    assert (row["_rev"], row["name"]) == (0, "Zoe")
    assert (parked["handler"], parked["stream"], parked["revision"]) == ("people", "client-elm.1", 0)


async def test_what_was_written_meanwhile_wins_and_is_found_by_the_next_sweep(world: World) -> None:
    await world.synced("1", "Zoe")
    await world.store.keys.erase("client:elm.1")
    world.store.meanwhile = lambda: world.synced("1", "late")
    await world.projector.fold_anew("client:elm.1")
    row = await world.person("1")
    assert row is not None
    assert (row["_rev"], row["writes"], row["_subjects"]) == (1, 2, ["client:elm.1"])
    await world.projector.fold_anew("client:elm.1")
    assert await world.person("1") == {"_id": "elm.1", "_rev": 1, "_clinic": "elm", "name": None, "writes": 2}
