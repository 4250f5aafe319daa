"""G4: reading a topic in batches beside a Faust agent that takes one event after another.

Both decode with the same pydantic model and commit: Faust its offsets, every 2.8 s as it does by itself; the batch path
its position beside the views, journaled, after every batch.
"""

import asyncio
import statistics
from functools import partial

from benchmarks.bench import Bench, first_line, process
from benchmarks.measuring import Row, Side, at_least, in_turns
from benchmarks.notes import passes, publish, ready
from benchmarks.processes.counting_agent import BOOK
from shared.chassis import kafka

NEEDS = "servers"


async def rows(bench: Bench) -> list[Row]:
    """One row: events/s, and CPU an event."""
    count = bench.sized(30_000, 500)
    await kafka.ensure_topics(bench.servers.kafka, BOOK.topics)
    async with kafka.producer(bench.servers.kafka, "bench") as producer:
        await publish(producer, BOOK.topic, ready(passes(BOOK, "", count, 1, count)))
    cpu: dict[str, list[float]] = {"batches": [], "faust": []}
    sides = {side: partial(once, bench, side, count, cpu[side]) for side in cpu}
    values = await in_turns(sides, bench.rounds, warm_up=0)
    used = [statistics.median(each) for each in cpu.values()]
    note = f"CPU of the process an event: {used[0]:.0f} and {used[1]:.0f} us"
    ours, base = Side("batches", values["batches"]), Side("Faust agent", values["faust"])
    return [Row("G4 consume, decode, commit", "events/s", ours, base, at_least(10), note)]


async def once(bench: Bench, side: str, count: int, cpu: list[float]) -> float:
    """Events/s of a process that reads everything."""
    with process("benchmarks.processes.counting_agent", side, str(count), env=bench.environment()) as reader:
        seconds, used = (await asyncio.to_thread(first_line, reader)).split()
    cpu.append(float(used))
    return count / float(seconds)
