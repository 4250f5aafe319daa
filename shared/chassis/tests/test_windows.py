"""Windows on their way from the consumer to the handler: one at a time, acknowledged when handled (ADR 17)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import ConsumerRecord
from faust.types import TP
from mode import Service

from shared.chassis.consuming import App, Consumer
from shared.chassis.windows import Windows

pytestmark = pytest.mark.anyio
HERE, THERE = TP("toy.events", 0), TP("toy.events", 1)


def records(tp: TP, *offsets: int) -> list[ConsumerRecord]:
    return [cast(ConsumerRecord, SimpleNamespace(topic=tp.topic, partition=tp.partition, offset=o)) for o in offsets]


def offsets(window: Sequence[ConsumerRecord]) -> list[tuple[int, int]]:
    return [(record.partition, record.offset) for record in window]


class Threadless(Consumer):
    """Faust's thread would bring an event loop that nobody closes."""

    def _new_consumer_thread(self) -> Any:
        return Service()


class World:
    """A consumer without a broker: each of `fetches` is what the next fetch does and brings."""

    def __init__(self) -> None:
        self.app = App("toy", broker="kafka://nowhere:1")
        self.app.deliver = self._deliver
        self.consumer = Threadless(self.app.transport, _nothing, _nothing, _nothing)
        self.consumer._next = {HERE: 5}
        self.windows: list[list[tuple[int, int]]] = []
        self.while_writing: Callable[[], object] = lambda: None
        self.fetches: list[Callable[[], dict[TP, list[ConsumerRecord]]]] = []

    async def _deliver(self, window: Sequence[ConsumerRecord]) -> None:
        self.windows.append(offsets(window))
        self.while_writing()

    async def drained(self, *fetches: dict[TP, list[ConsumerRecord]]) -> None:
        self.fetches += [lambda found=found: found for found in fetches]  # type: ignore[misc]  # a default binds it now
        self.consumer._wait_next_records = self._fetched  # type: ignore[method-assign]
        await self.consumer._drain_messages(SimpleNamespace(_stopped=asyncio.Event()))

    async def _fetched(self, timeout: float) -> tuple[dict[TP, list[ConsumerRecord]], None]:
        if not self.fetches:
            self.consumer._stopped.set()
            return {}, None
        return self.fetches.pop(0)(), None

    def committable(self) -> dict[TP, int]:
        return self.consumer._filter_committable_offsets(self.consumer._filter_tps_with_pending_acks())


async def _nothing(*_: Any) -> None: ...


@pytest.fixture
async def world() -> World:
    return World()


async def test_a_fetch_is_handed_over_whole_and_may_be_committed_afterwards(world: World) -> None:
    world.consumer._next[THERE] = 0
    seen: list[dict[TP, int]] = []
    world.while_writing = lambda: seen.append(world.committable())
    await world.drained({HERE: records(HERE, 5, 6), THERE: records(THERE, 0)}, {HERE: records(HERE, 7)})
    assert world.windows == [[(0, 5), (0, 6), (1, 0)], [(0, 7)]]
    assert seen == [{HERE: 5, THERE: 0}, {HERE: 7, THERE: 1}]
    assert world.committable() == {HERE: 8, THERE: 1}


async def test_records_of_a_partition_that_nobody_told_us_to_read_are_dropped(world: World) -> None:
    await world.drained({THERE: records(THERE, 100)}, {THERE: records(THERE, 101), HERE: records(HERE, 5)})
    assert world.windows == [[(0, 5)]]
    assert world.committable() == {HERE: 6}


async def test_what_arrives_while_the_flow_is_stopped_is_left_to_the_next_seek(world: World) -> None:
    def stopping() -> dict[TP, list[ConsumerRecord]]:
        world.consumer.stop_flow()
        return {HERE: records(HERE, 5)}

    world.fetches.append(stopping)
    await world.drained()
    assert (world.windows, world.committable()) == ([], {HERE: 5})


async def test_a_partition_revoked_while_its_window_is_written_is_not_committed(world: World) -> None:
    world.while_writing = lambda: world.consumer._next.pop(HERE)
    await world.drained({HERE: records(HERE, 5)}, {HERE: records(HERE, 6)})
    assert world.windows == [[(0, 5)]]
    assert world.committable() == {}


async def test_nothing_is_lost_between_partitions_of_which_one_was_taken_away(world: World) -> None:
    world.consumer._next[THERE] = 3
    await world.consumer.on_partitions_revoked({THERE})
    await world.drained({THERE: records(THERE, 3), HERE: records(HERE, 5)})
    assert world.windows == [[(0, 5)]]


class Handler:
    """Handles a window when `gate` is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.handled: list[list[tuple[int, int]]] = []
        self.error: Exception | None = None
        self.fatal: list[BaseException] = []
        self.windows = Windows(self.handle, self.fatal.append)

    async def handle(self, window: Sequence[ConsumerRecord]) -> None:
        await self.gate.wait()
        if self.error:
            raise self.error
        self.handled.append(offsets(window))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        agent = asyncio.ensure_future(self.windows.consume(cast(Any, None)))
        try:
            yield
        finally:
            agent.cancel()
            with suppress(asyncio.CancelledError):
                await agent


async def test_a_window_is_acknowledged_when_it_is_handled() -> None:
    handler = Handler()
    async with handler.running():
        delivering = asyncio.ensure_future(handler.windows.deliver(records(HERE, 1, 2)))
        await asyncio.sleep(0.01)
        assert not delivering.done()
        handler.gate.set()
        await delivering
    assert handler.handled == [[(0, 1), (0, 2)]]


async def test_a_window_that_was_given_up_does_not_hold_up_the_next_one() -> None:
    """As when the consumer stops to wait for it: it is handled all the same, and in order."""
    handler = Handler()
    async with handler.running():
        first = asyncio.ensure_future(handler.windows.deliver(records(HERE, 1)))
        await asyncio.sleep(0.01)
        first.cancel()
        handler.gate.set()
        await handler.windows.deliver(records(HERE, 2))
    assert handler.handled == [[(0, 1)], [(0, 2)]]


async def test_what_a_handler_raises_is_fatal_and_never_acknowledged() -> None:
    handler = Handler()
    handler.error = ArithmeticError("a bug")
    handler.gate.set()
    async with handler.running():
        delivering = asyncio.ensure_future(handler.windows.deliver(records(HERE, 1)))
        await asyncio.sleep(0.01)
        assert not delivering.done()
        delivering.cancel()
    assert handler.fatal == [handler.error]
