"""Both sides of G4, each in a process that ends when it has read a whole topic: consume, decode, commit, no sink.

`python -m benchmarks.processes.counting_agent faust|batches COUNT` prints the seconds from its first event (batches:
from before it connects) to its last, and the CPU microseconds an event in that time.
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

from benchmarks.bench import BenchSettings
from benchmarks.notes import notebook
from shared.chassis import kafka
from shared.chassis.history import KafkaHistory
from shared.chassis.kafka import TopicPartition
from shared.chassis.positions import Positions
from shared.chassis.runtime import Runtime, runtime
from shared.events.base import REGISTRY, Event

SERVICE = "benchcount"
BOOK = notebook(SERVICE)


class Clock:
    """Wall and CPU time of this process."""

    def __init__(self) -> None:
        self._began = perf_counter(), process_time()

    def stop(self, count: int) -> None:
        seconds, cpu = perf_counter() - self._began[0], process_time() - self._began[1]
        print(seconds, cpu / count * 1e6, flush=True)


async def batches(count: int) -> None:
    """What a rebuild reads with, and what a worker commits with: each partition by itself."""
    async with runtime(BenchSettings()) as running:
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
    uvloop.run({"faust": agent, "batches": batches}[sys.argv[1]](int(sys.argv[2])))
