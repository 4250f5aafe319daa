"""Records that never arrive are read from the event store before any later position is saved (design 8, 11)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shared.chassis import kafka
from shared.chassis.holes import Holes
from shared.chassis.kafka import TopicPartition
from shared.chassis.mongo import Database
from shared.chassis.positions import Positions
from shared.events.envelope import StoredEvent
from shared.testing.event_store_contract import fact
from shared.testing.memory import MemoryEventStore

pytestmark = pytest.mark.anyio
HERE = TopicPartition("pims-sync.events", 0)


class World:
    """Five events at the positions 10 to 50, the second of which was handled at offset 4."""

    def __init__(self, db: Database) -> None:
        self.store = MemoryEventStore()
        self.positions = Positions(db)
        self.holes = Holes(self.store, self.positions)
        self.read: list[int] = []
        self.failures = 0

    async def begin(self) -> "World":
        await self.store.given("feed-elm.a", *map(fact, "12345"))
        await self.positions.save({HERE: (4, self.store.log[1])})
        return self

    async def apply(self, events: Sequence[StoredEvent]) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("away")
        self.read += [event.position for event in events]

    async def start(self, monkeypatch: pytest.MonkeyPatch, offset: int, begin: int) -> int:
        async def begins(*_: object) -> Mapping[TopicPartition, int]:
            return {HERE: begin}

        monkeypatch.setattr(kafka, "begins", begins)
        return (await self.holes.starting_points("nowhere", {HERE: offset}))[HERE]

    async def saved(self) -> dict[str, Any]:
        return (await self.positions.load([HERE]))[HERE]


@pytest.fixture
async def world(database: Database) -> World:
    return await World(database).begin()


@pytest.mark.parametrize(
    ("offset", "begin", "start", "read"),
    [
        (5, 0, 5, []),
        (5, 3, 5, []),
        (0, 5, 5, []),
        (0, 8, 8, [30, 40, 50]),
        (0, 0, 0, []),
        (0, 2, 2, [10, 20, 30, 40, 50]),
    ],
    ids=[
        "nothing gone",
        "what was read",
        "all that was read",
        "more than that",
        "made anew",
        "made anew, and a part gone",
    ],
)
async def test_what_is_gone_before_it_was_read_is_owed(
    world: World, monkeypatch: pytest.MonkeyPatch, offset: int, begin: int, start: int, read: list[int]
) -> None:
    assert await world.start(monkeypatch, offset, begin) == start
    assert world.holes.found.is_set() == bool(read)
    await world.holes.fill(world.apply)
    assert world.read == read
    assert not world.holes.found.is_set()


async def test_what_was_filled_is_not_owed_again_after_a_restart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.start(monkeypatch, 0, 8)
    await world.holes.fill(world.apply)
    row = await world.saved()
    assert (row["next"], row["position"]) == (8, 50)
    again = Holes(world.store, world.positions)
    assert await again.starting_points("nowhere", {HERE: 0}) == {HERE: 8}
    assert not again.found.is_set()


async def test_who_never_read_a_topic_that_lost_its_beginning_reads_the_store(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = TopicPartition("pims-sync.events", 1)

    async def begins(*_: object) -> Mapping[TopicPartition, int]:
        return {other: 9}

    monkeypatch.setattr(kafka, "begins", begins)
    assert await world.holes.starting_points("nowhere", {other: 0}) == {other: 9}
    await world.holes.fill(world.apply)
    assert world.read == [10, 20, 30, 40, 50]


async def test_a_record_that_is_passed_over_is_owed_from_the_last_one_before_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.start(monkeypatch, 5, 0)
    world.holes.notice(HERE, 5, 1, world.store.log[2])
    await world.holes.fill(world.apply)
    assert world.read == []
    world.holes.notice(HERE, 7, 1, world.store.log[4])
    await world.holes.fill(world.apply)
    assert world.read == [40, 50]


async def test_a_window_with_a_hole_inside_is_noticed_by_its_number(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.start(monkeypatch, 5, 0)
    world.holes.notice(HERE, 8, 3, world.store.log[4])
    await world.holes.fill(world.apply)
    assert world.read == [30, 40, 50]


async def test_going_back_is_no_hole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.start(monkeypatch, 5, 0)
    world.holes.notice(HERE, 1, 2, world.store.log[1])
    world.holes.notice(HERE, 2, 1, None)
    await world.holes.fill(world.apply)
    assert world.read == []


async def test_what_could_not_be_filled_stays_owed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.start(monkeypatch, 0, 8)
    world.failures = 1
    with pytest.raises(ConnectionError):
        await world.holes.fill(world.apply)
    assert world.holes.found.is_set()
    assert (await world.saved())["next"] == 5
    await world.holes.fill(world.apply)
    assert world.read == [30, 40, 50]


async def test_much_is_read_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.chassis.holes.BATCH", 2)
    sizes: list[int] = []

    async def apply(events: Sequence[StoredEvent]) -> None:
        sizes.append(len(events))

    await world.start(monkeypatch, 0, 2)
    await world.holes.fill(apply)
    assert sizes == [2, 2, 1]
