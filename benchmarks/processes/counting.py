"""The sides of G4, each in a process that reads a whole topic of COUNT events: consume, decode, commit, no sink.

`python -m benchmarks.processes.counting faust|worker|history COUNT` prints events/s and CPU microseconds an event in
that time: `faust` from its first event on, `history` from before it connects, `worker` between the first positions that
it saves and the last.
"""

import asyncio
import os
import sys
import tempfile
from time import perf_counter, process_time
from uuid import uuid4

import faust
import uvloop
from faust.types import StreamT
from pymongo import monitoring
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from benchmarks.notes import notebook
from shared.chassis import kafka
from shared.chassis.history import KafkaHistory
from shared.chassis.kafka import TopicPartition
from shared.chassis.positions import Positions
from shared.chassis.runtime import Runtime, runtime
from shared.chassis.settings import ChassisSettings
from shared.chassis.worker_app import WorkerSpec, run_worker
from shared.events.base import REGISTRY, Event

SERVICE = "benchcount"
BOOK = notebook(SERVICE)


class CountSettings(ChassisSettings):
    service = SERVICE


class Clock:
    """Wall and CPU time of this process."""

    def __init__(self) -> None:
        self._began = perf_counter(), process_time()

    def stop(self, count: int) -> None:
        seconds, cpu = perf_counter() - self._began[0], process_time() - self._began[1]
        print(count / seconds, cpu / count * 1e6, flush=True)


class Witness(CommandListener):
    """Sees the positions that the worker saves."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._next: dict[str, int] = {}
        self._clock: Clock | None = None
        self._first = 0

    def started(self, event: CommandStartedEvent) -> None:
        if event.command.get("update") == "positions":
            self._next |= {each["q"]["_id"]: each["u"]["$set"]["next"] for each in event.command["updates"]}

    def succeeded(self, event: CommandSucceededEvent) -> None:
        read = sum(self._next.values())
        if read and self._clock is None:
            self._clock, self._first = Clock(), read
        elif self._clock and event.command_name == "update" and read == self._count:
            self._clock.stop(read - self._first)

    def failed(self, event: CommandFailedEvent) -> None:
        raise AssertionError(event.failure)


def worker(count: int) -> None:
    """A service's worker that keeps no view; ended from outside."""
    monitoring.register(Witness(count))
    run_worker(WorkerSpec((SERVICE,), (), (), ()), CountSettings())


async def history(count: int) -> None:
    """What a rebuild reads with, and what a worker commits with: each partition by itself."""
    async with runtime(CountSettings()) as running:
        clock = Clock()
        ends = await kafka.ends(running.settings.brokers, [BOOK.topic])
        read = await asyncio.gather(*(partition(running, tp, end) for tp, end in ends.items()))
        clock.stop(count)
    assert sum(read) == count, (read, count)


async def partition(running: Runtime, tp: TopicPartition, end: int) -> int:
    """How many events it had."""
    positions, at = Positions(running.db), 0
    past = KafkaHistory(running.settings.brokers, BOOK.projection.category, {tp: end})
    async for read, stored in past.read(lambda _stream: True):
        events = await running.store.codec.events(stored)
        assert all(isinstance(event, Event) for event in events)
        at += read
        await positions.save({tp: (at - 1, stored[-1])})
    return at


async def agent(count: int) -> None:
    """One event after another, as Faust's tutorial has it; Faust commits by itself."""
    app = faust.App(
        f"{SERVICE}-{uuid4().hex[:8]}",
        broker=f"kafka://{os.environ['VETWIRE_KAFKA']}",
        web_enabled=False,
        datadir=tempfile.mkdtemp(),
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )
    source = app.topic(BOOK.topic, value_serializer="raw", key_serializer="raw", value_type=bytes)
    done = asyncio.Event()

    @app.agent(source)
    async def read(stream: StreamT[bytes]) -> None:
        seen, clock = 0, None
        async for record in stream.events():
            clock = clock or Clock()
            REGISTRY[record.headers["ce_type"].decode()].model_validate_json(record.value)
            seen += 1
            if seen == count:
                clock.stop(count)
                done.set()

    app.finalize()
    await app.start()
    await done.wait()
    await app.stop()


if __name__ == "__main__":
    match sys.argv[1]:
        case "worker":
            worker(int(sys.argv[2]))
        case "history":
            uvloop.run(history(int(sys.argv[2])))
        case _:
            uvloop.run(agent(int(sys.argv[2])))
