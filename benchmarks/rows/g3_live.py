"""G3: a service's worker beside a Faust agent that makes one update for each event. Both are running when a burst of
events arrives; the clock runs from the first record sent to the last document seen in MongoDB.

Both have the same topic settings, decode with the same pydantic model, and commit: the agent Kafka's offsets, as Faust
does by itself, the worker its positions beside the view, journaled. The agent neither checks the order nor a repeat.
"""

import statistics
from functools import partial
from time import perf_counter
from uuid import uuid4

import psutil
from aiokafka import AIOKafkaProducer
from motor.motor_asyncio import AsyncIOMotorClient

from benchmarks.bench import Bench, process, until
from benchmarks.measuring import Row, Side, at_least, at_most, in_turns
from benchmarks.notes import Notebook, notebook, passes, publish, ready
from benchmarks.processes import live_worker, update_agent
from deploy.embedded.ports import free_port
from shared.chassis import kafka
from shared.chassis.mongo import Client, Collection

NEEDS = "servers"
TOGETHER = 50
"""Streams that take turns: a window of 500 has each of them ten times."""


class Burst:
    """One side: where its process reads and where it writes."""

    def __init__(self, producer: AIOKafkaProducer, book: Notebook, sheets: Collection, pid: int) -> None:
        self._producer = producer
        self._book = book
        self._sheets = sheets
        self._process = psutil.Process(pid)
        self.cpu: list[float] = []

    async def apply(self, keys: int, bursts: int = 1, length: int = 1) -> float:
        """Events/s of new streams that get `length` events in every burst; the next burst waits for the last one."""
        prefix, count, cpu, seconds = uuid4().hex[:8], keys * bursts * length, self._cpu(), 0.0
        for burst in range(bursts):
            events = ready(passes(self._book, prefix, keys, length, TOGETHER, burst * length))
            began = perf_counter()
            last = await publish(self._producer, self._book.topic, events)
            await until(partial(self._are_visible, last))
            seconds += perf_counter() - began
        self.cpu.append((self._cpu() - cpu) / count * 1e6)
        return count / seconds

    def _cpu(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    async def _are_visible(self, last: dict[str, int]) -> bool:
        found = [row async for row in self._sheets.find({"_id": {"$in": list(last)}}, {"_rev": 1})]
        return len(found) == len(last) and all(row["_rev"] >= last[row["_id"]] for row in found)


async def rows(bench: Bench) -> list[Row]:
    """Distinct keys: a burst makes the documents, a second one changes each of them. Then ten events of each key."""
    mine, theirs = notebook(live_worker.SERVICE), update_agent.BOOK
    await kafka.ensure_topics(bench.servers.kafka, [*mine.topics, *theirs.topics])
    client: Client = AsyncIOMotorClient(bench.servers.mongodb)
    environment = bench.environment(free_port())
    with (
        process("benchmarks.processes.live_worker", env=environment) as worker,
        process("benchmarks.processes.update_agent", env=environment) as agent,
    ):
        async with kafka.producer(bench.servers.kafka, "bench") as producer:
            ours = Burst(producer, mine, client[mine.service]["sheets"], worker.pid)
            base = Burst(producer, theirs, client[theirs.service]["sheets"], agent.pid)
            await ours.apply(10)
            await base.apply(10)
            found = [*await compared(bench, ours, base), await ten_times(bench, ours)]
    client.close()
    return found


async def compared(bench: Bench, ours: Burst, base: Burst) -> list[Row]:
    """Both sides, both ways in which keys come."""
    events = bench.sized(3_000, 100)
    ways = {"distinct keys": (events // 2, 2, 1), "ten of a key in a window": (events // 10, 1, 10)}
    found = []
    for (way, shape), goal in zip(ways.items(), (at_least(3), at_least(10)), strict=True):
        sides = {"ours": partial(ours.apply, *shape), "base": partial(base.apply, *shape)}
        values = await in_turns(sides, bench.rounds)
        cpu = [statistics.median(side.cpu[-bench.rounds :]) for side in (ours, base)]
        note = f"CPU of the process an event: {cpu[0]:.0f} and {cpu[1]:.0f} us"
        worker, agent = Side("worker", values["ours"]), Side("Faust agent, update_one", values["base"])
        found.append(Row(f"G3 live worker, {way}", "events/s", worker, agent, goal, note))
    return found


async def ten_times(bench: Bench, ours: Burst) -> Row:
    """What an event costs in bursts on distinct keys, and in such that are ten times as long."""
    keys = bench.sized(500, 10)
    sides = {"1x": partial(ours.apply, keys, 2), "10x": partial(ours.apply, 10 * keys, 2)}
    values = {name: [1e6 / rate for rate in rates] for name, rates in (await in_turns(sides, bench.rounds)).items()}
    large, small = Side(f"{20 * keys:,} events", values["10x"]), Side(f"{2 * keys:,} events", values["1x"])
    return Row("live projection at 10 x", "us/event", large, small, at_most(1.2))
