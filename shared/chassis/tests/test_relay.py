"""From the event store to the broker: everything, in order, again after a loss, and by one relay only (design 7, 8)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY

from shared.chassis import kafka
from shared.chassis import relay as module
from shared.chassis.lease import Lease
from shared.chassis.mongo import Database, Document
from shared.chassis.relay import Relay, own_types
from shared.events.cloudevents import from_record, to_headers
from shared.events.envelope import StoredEvent
from shared.events.pims_sync import SyncRunAbandoned, SyncRunCompleted, SyncRunStarted
from shared.testing.broker import ADDRESS, MemoryBroker
from shared.testing.clocks import NOON
from shared.testing.event_store_contract import fact
from shared.testing.memory import MemoryEventStore

pytestmark = pytest.mark.anyio
TOPIC = "pims-sync.events"
PUBLISHED = (SyncRunAbandoned, SyncRunCompleted)


class World:
    def __init__(self, db: Database) -> None:
        self.db = db
        self.store = MemoryEventStore()
        self.broker = MemoryBroker(TOPIC)

    async def happened(self, local_id: str, *runs: str) -> None:
        await self.store.given(f"feed-elm.{local_id}", *map(fact, runs))

    @asynccontextmanager
    async def relaying(self, holder: str = "a") -> AsyncIterator[None]:
        relay = Relay("pims-sync", self.store, self.db, ADDRESS, PUBLISHED, holder)
        task = asyncio.ensure_future(relay.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def state(self) -> Document:
        return await self.db["relay"].find_one({"_id": "relay"}) or {}

    async def relayed(self) -> None:
        """Wait until the position of the newest event is stored."""
        await eventually(self._is_relayed)

    async def _is_relayed(self) -> bool:
        return (await self.state()).get("position") == self.store.log[-1].position

    def runs(self, partition: int) -> list[str]:
        """Which runs the events of a partition are about."""
        return [SyncRunAbandoned.model_validate_json(r.value).run_id for r in self.broker.partitions[partition]]


async def eventually(ask: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1000):
        if await ask():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 10 s")


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(database)
    monkeypatch.setattr(kafka, "producer", world.broker.producer)
    for name in ("records_before", "ends", "largest_record"):
        monkeypatch.setattr(kafka, name, getattr(world.broker, name))
    monkeypatch.setattr(module, "send_all", world.broker.send_all)
    monkeypatch.setattr(module, "_PAUSE", 0.01)
    return world


async def test_what_is_published_carries_the_event_under_its_streams_key(world: World) -> None:
    await world.happened("a", "1", "2")
    async with world.relaying():
        await world.relayed()
    records = world.broker.partitions[0]
    assert [from_record(record.value, record.headers) for record in records] == [
        *map(as_it_comes_back, world.store.log)
    ]
    assert {(record.key, dict(record.headers)["ce_source"]) for record in records} == {(b"feed-elm.a", b"/pims-sync")}


def as_it_comes_back(event: StoredEvent) -> StoredEvent:
    """The metadata is made anew from the headers."""
    return from_record(event.data, to_headers(event, "/pims-sync"))


async def test_streams_keep_their_order_and_the_newest_of_each_partition_is_remembered(world: World) -> None:
    await world.happened("a", "1")
    await world.happened("b", "2")
    await world.happened("a", "3", "4")
    before = published()
    async with world.relaying():
        await world.relayed()
    assert (world.runs(0), world.runs(1)) == (["1", "3", "4"], ["2"])
    assert ((await world.state())["position"], (await world.state())["tails"]) == (40, {"0": 40, "1": 20})
    assert published() == before + 4


def published() -> float:
    return REGISTRY.get_sample_value("vetwire_relay_published_total", {"service": "pims-sync"}) or 0


async def test_what_is_not_on_the_list_stays_inside_but_its_position_is_passed(world: World) -> None:
    await world.happened("a", "1")
    hidden = SyncRunStarted(clinic_id="elm", run_id="2", vendor="v", mode="full", started_at=NOON)
    await world.store.given("feed-elm.a", hidden)
    async with world.relaying():
        await world.relayed()
    assert world.runs(0) == ["1"]
    assert (await world.state())["tails"] == {"0": 10}


async def test_an_event_without_our_metadata_stays_inside_and_holds_nothing_up(world: World) -> None:
    await world.happened("a", "1", "2")
    first = world.store.log[0]
    world.store.log[0] = StoredEvent(
        first.id, first.type, first.stream, first.revision, first.position, first.data, b"{}"
    )
    async with world.relaying():
        await world.relayed()
    assert world.runs(0) == ["2"]


async def test_the_next_relay_goes_on_where_the_last_one_stopped(world: World) -> None:
    await world.happened("a", "1")
    async with world.relaying("a"):
        await world.relayed()
    await world.happened("a", "2")
    async with world.relaying("b"):
        await world.relayed()
    assert world.runs(0) == ["1", "2"]
    assert (await world.state())["holder"] == "b"


async def test_what_happens_while_it_runs_is_published_after_the_subscription_ended(world: World) -> None:
    """The fake's subscription ends whenever it has caught up, as a dead connection does."""
    async with world.relaying():
        for run in ("1", "2", "3"):
            await world.happened("a", run)
            await world.relayed()
    assert world.runs(0) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("left", "again"),
    [
        ((2, 2), ([], [])),
        ((1, 2), (["3"], ["2", "4"])),
        ((2, 1), (["3"], ["4"])),
        ((2, 0), (["1", "3"], ["2", "4"])),
        ((0, 2), (["1", "3"], ["2", "4"])),
        ((0, 0), (["1", "3"], ["2", "4"])),
    ],
)
async def test_it_goes_back_to_what_the_broker_lost(
    world: World, left: tuple[int, int], again: tuple[list[str], list[str]]
) -> None:
    """Behind the oldest loss of any partition; what the others get again, their readers drop."""
    for local_id, run in (("a", "1"), ("b", "2"), ("a", "3"), ("b", "4")):
        await world.happened(local_id, run)
    async with world.relaying():
        await world.relayed()
    for partition, kept in enumerate(left):
        del world.broker.partitions[partition][kept:]
    await world.happened("a", "5")
    async with world.relaying():
        await world.relayed()
    assert world.runs(0)[left[0] :] == [*again[0], "5"]
    assert world.runs(1)[left[1] :] == again[1]


async def test_a_topic_that_others_wrote_to_is_written_again_from_the_start(world: World) -> None:
    await world.happened("a", "1", "2")
    async with world.relaying():
        await world.relayed()
    world.broker.partitions[0].append(SimpleNamespace(key=b"x", value=b"foreign", headers=()))
    await world.happened("a", "3")
    async with world.relaying():
        await world.relayed()
    del world.broker.partitions[0][2]
    assert world.runs(0) == ["1", "2", "1", "2", "3"]


async def test_a_relay_without_a_position_begins_at_the_beginning_whatever_the_topic_holds(world: World) -> None:
    await world.happened("a", "1")
    async with world.relaying():
        await world.relayed()
    await world.db["relay"].delete_many({})
    await world.happened("a", "2")
    async with world.relaying():
        await world.relayed()
    assert world.runs(0) == ["1", "1", "2"]


async def test_while_another_holds_the_lease_it_publishes_nothing(world: World) -> None:
    held = Lease(world.db["relay"], "relay", "other")
    await held.acquire()
    await world.happened("a", "1")
    async with world.relaying():
        await asyncio.sleep(0.1)
        assert world.runs(0) == []
        await held.release()
        await world.relayed()
    assert world.runs(0) == ["1"]


async def test_a_fenced_relay_stores_no_position_and_waits_for_the_lease(world: World) -> None:
    async with world.relaying():
        await world.happened("a", "1")
        await world.relayed()
        thief = Lease(world.db["relay"], "relay", "thief")
        await thief.take()
        await world.happened("a", "2")
        await asyncio.sleep(0.2)
        assert ((await world.state())["holder"], (await world.state())["position"]) == ("thief", 10)
        await thief.release()
        await world.relayed()


async def test_a_broker_that_fails_is_asked_again_and_nothing_is_passed_over(world: World) -> None:
    world.broker.away = 3
    await world.happened("a", "1", "2")
    async with world.relaying():
        await world.relayed()
    assert world.runs(0) == ["1", "2"]


async def test_a_send_that_never_ends_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka #1039."""
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    world.broker.silent = True
    await world.happened("a", "1")
    async with world.relaying():
        await eventually(lambda: has_led_twice(world))
        assert "position" not in await world.state()
        world.broker.silent = False
        await world.relayed()


async def has_led_twice(world: World) -> bool:
    return int((await world.state()).get("epoch", 0)) > 1


async def test_more_than_a_window_leaves_in_windows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 2)
    await world.happened("a", *"12345")
    async with world.relaying():
        await world.relayed()
    assert world.runs(0) == list("12345")


async def test_when_it_ends_the_next_one_need_not_wait(world: World) -> None:
    await world.happened("a", "1")
    async with world.relaying():
        await world.relayed()
    assert await Lease(world.db["relay"], "relay", "next").acquire() is not None


def test_a_service_asks_for_its_own_types_alone() -> None:
    assert own_types("pims-sync") == r"pims\-sync\..*"


async def test_an_event_that_no_record_can_hold_is_counted_and_holds_nothing_up(world: World) -> None:
    """The limit is the broker's, and counts headers and framing too."""
    await world.happened("a", "1", "x" * 2_000, "2")
    world.broker.largest = 1_500
    before = REGISTRY.get_sample_value("vetwire_relay_passed_over_total", {"service": "pims-sync"}) or 0
    async with world.relaying():
        await world.relayed()
    assert world.runs(0) == ["1", "2"]
    assert REGISTRY.get_sample_value("vetwire_relay_passed_over_total", {"service": "pims-sync"}) == before + 1


async def test_a_topic_that_was_made_anew_while_it_runs_gets_everything_again(world: World) -> None:
    """Nothing failed: the broker took the next record, and told an offset that had been given before."""
    for run in "123":
        await world.happened("a", run)
    async with world.relaying():
        await world.relayed()
        world.broker.partitions[0].clear()
        await world.happened("a", "4")
        await eventually(lambda: has_all(world))
        await world.relayed()


async def has_all(world: World) -> bool:
    """Whether it noticed by the empty partition or by the offset, which comes after the fourth event."""
    return world.runs(0) in (list("41234"), list("1234"))
