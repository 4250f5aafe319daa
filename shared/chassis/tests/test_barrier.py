"""When a view has seen what was stored: every case of relay and worker positions."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from shared.chassis import barrier, kafka
from shared.chassis.settings import ChassisSettings

pytestmark = pytest.mark.anyio
FIRST, SECOND = TopicPartition("toy.events", 0), TopicPartition("toy.events", 1)
HEAD = 700


class ToySettings(ChassisSettings):
    service = "toy"


def row(next_: int, position: int | None) -> dict[str, Any]:
    return {"next": next_, "position": position}


class World:
    """A store whose newest event is at `head`, a relay, a topic and a worker."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.head = HEAD
        self.relayed: int | None = HEAD
        self.ends: dict[TopicPartition, int] = {FIRST: 5, SECOND: 0}
        self.read: dict[TopicPartition, dict[str, Any]] = {FIRST: row(5, HEAD)}
        self.asked: list[str] = []
        monkeypatch.setattr(kafka, "ends", self._ends)
        monkeypatch.setattr(barrier, "Positions", lambda _db: SimpleNamespace(load=self._load))

    async def caught_up(self) -> bool:
        db = {"relay": SimpleNamespace(find_one=self._find)}
        settings = ToySettings(kafka="nowhere:9092", kafka_tls=True)
        running: Any = SimpleNamespace(db=db, settings=settings, store=SimpleNamespace(head=self._head))
        return await barrier.views_caught_up(running, r"toy\..*", patience=0.1)

    async def _head(self, _types: str) -> int:
        return self.head

    async def _find(self, *_query: object) -> dict[str, int] | None:
        return None if self.relayed is None else {"position": self.relayed}

    async def _ends(self, bootstrap: str, _topics: object) -> dict[TopicPartition, int]:
        self.asked.append(bootstrap)
        return self.ends

    async def _load(self, _partitions: object) -> dict[TopicPartition, dict[str, Any]]:
        return self.read


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


async def test_a_worker_that_read_everything_has_caught_up(world: World) -> None:
    assert await world.caught_up()


async def test_the_brokers_are_asked_over_tls_where_the_settings_say_so(world: World) -> None:
    await world.caught_up()
    assert world.asked == ["ssl://nowhere:9092"]


async def test_an_empty_store_needs_neither_relay_nor_worker(world: World) -> None:
    world.head, world.relayed, world.read = 0, None, {}
    assert await world.caught_up()


@pytest.mark.parametrize("relayed", [None, HEAD - 1])
async def test_an_event_that_is_not_relayed_has_not_been_seen(world: World, relayed: int | None) -> None:
    world.relayed = relayed
    assert not await world.caught_up()


@pytest.mark.parametrize("read", [{}, {FIRST: row(4, HEAD - 1)}, {FIRST: row(4, None)}])
async def test_a_partition_that_is_not_read_to_the_end_may_hold_it(
    world: World, read: dict[TopicPartition, dict[str, Any]]
) -> None:
    world.read = read
    assert not await world.caught_up()


async def test_a_later_event_already_read_does_not_vouch_for_what_is_still_on_the_topic(world: World) -> None:
    """A relay that started again may publish older events behind newer ones."""
    world.read = {FIRST: row(3, HEAD + 10)}
    assert not await world.caught_up()


async def test_every_partition_counts(world: World) -> None:
    world.ends = {FIRST: 5, SECOND: 2}
    assert not await world.caught_up()
    world.read[SECOND] = row(2, 10)
    assert await world.caught_up()
