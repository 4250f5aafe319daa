"""G6: the relay beside the producer's plain way, `send` of every record and `gather` of 500, on the same broker.

The relay takes events from a store in memory, so that its publishing is what is measured: from the first event that it
takes to the position stored behind the last one. The first base does the same work from the same events: headers,
sends, the position after each window. The second has its records ready and stores nothing.
"""

import asyncio
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter, process_time

from aiokafka import AIOKafkaProducer

from benchmarks.bench import Bench, until
from benchmarks.measuring import Row, Side, Work, at_least, in_turns
from benchmarks.notes import Ready, notebook, passes, ready
from shared.chassis import kafka
from shared.chassis.mongo import Database, journaled
from shared.chassis.relay import Relay
from shared.chassis.runtime import runtime
from shared.events.envelope import StoredEvent
from shared.testing.memory import MemoryEventStore

NEEDS = "servers"
BOOK = notebook("benchrelay")
WINDOW = 500


class Source(MemoryEventStore):
    """A store whose subscription says when its first event was taken, and stays open."""

    def __init__(self, events: Sequence[StoredEvent]) -> None:
        super().__init__()
        self.log = list(events)
        self.began = 0.0

    @asynccontextmanager
    async def subscribe(self, after: int | None, types: str) -> AsyncIterator[AsyncIterator[StoredEvent | None]]:
        async def events() -> AsyncIterator[StoredEvent | None]:
            self.began = perf_counter()
            for event in self.log:
                yield event
            await asyncio.Event().wait()

        yield events()


async def rows(bench: Bench) -> list[Row]:
    """Records/s against both bases."""
    count = bench.sized(20_000, 500)
    events = list(passes(BOOK, "", count // 20, 20, 100))
    bootstrap = bench.servers.kafka
    await kafka.ensure_topics(bootstrap, BOOK.topics)
    async with runtime(bench.settings()) as running, kafka.producer(bootstrap, "bench") as producer:
        sides = {
            "relay": partial(relayed, bootstrap, running.db, events),
            "plain": partial(plainly, producer, running.db, events),
            "bare": partial(barely, producer, ready(events)),
        }
        cpu: dict[str, list[float]] = {side: [] for side in sides}
        values = await in_turns(
            {side: partial(timed, work, count, cpu[side]) for side, work in sides.items()}, bench.rounds
        )
    used = ", ".join(f"{side} {statistics.median(each):.0f}" for side, each in cpu.items())
    ours = Side("relay", values["relay"])
    plain, bare = (
        Side("send + gather, same work", values["plain"]),
        Side("send + gather, ready records", values["bare"]),
    )
    return [
        Row("G6 relay", "events/s", ours, plain, at_least(1.7), f"CPU of the process an event, in us: {used}"),
        Row("relay, against ready records", "events/s", ours, bare),
    ]


async def timed(work: Work, count: int, cpu: list[float]) -> float:
    """What `work` gives; its CPU time an event beside."""
    began = process_time()
    rate = await work()
    cpu.append((process_time() - began) / count * 1e6)
    return rate


async def relayed(bootstrap: str, db: Database, events: Sequence[StoredEvent]) -> float:
    await db["relay"].delete_many({})
    source = Source(events)
    work = asyncio.ensure_future(Relay(BOOK.service, source, db, bootstrap, (BOOK.event,), "bench").run())
    at_the_end = {"_id": "relay", "position": {"$gte": events[-1].position}}

    async def is_done() -> bool:
        return await db["relay"].find_one(at_the_end) is not None

    await until(is_done)
    seconds = perf_counter() - source.began
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    return len(events) / seconds


async def plainly(producer: AIOKafkaProducer, db: Database, events: Sequence[StoredEvent]) -> float:
    rows, began = journaled(db["plain"]), perf_counter()
    for first in range(0, len(events), WINDOW):
        window = events[first : first + WINDOW]
        await sent(producer, ready(window))
        await rows.update_one({"_id": "relay"}, {"$set": {"position": window[-1].position}}, upsert=True)
    return len(events) / (perf_counter() - began)


async def barely(producer: AIOKafkaProducer, records: Ready) -> float:
    began = perf_counter()
    for first in range(0, len(records), WINDOW):
        await sent(producer, records[first : first + WINDOW])
    return len(records) / (perf_counter() - began)


async def sent(producer: AIOKafkaProducer, records: Ready) -> None:
    sends = [
        await producer.send(BOOK.topic, key=event.stream.encode(), value=event.data, headers=headers)
        for event, headers in records
    ]
    await asyncio.gather(*sends)
