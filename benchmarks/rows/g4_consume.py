"""G4: reading a topic in batches beside a Faust agent that takes one event after another. Nobody writes a document.

All decode with the same pydantic model and commit: the agent Kafka's offsets, as Faust does by itself; the worker,
which keeps no view here, its positions, journaled, after every window, and Kafka's offsets besides. The second row is
the way in which a rebuild reads, with the worker's commit.
"""

import asyncio
import statistics
from functools import partial

from motor.motor_asyncio import AsyncIOMotorClient

from benchmarks.bench import Bench, first_line, process
from benchmarks.measuring import Row, Side, at_least, in_turns
from benchmarks.notes import passes, publish, ready
from benchmarks.processes.counting import BOOK
from deploy.embedded.ports import free_port
from shared.chassis import kafka
from shared.chassis.mongo import Client

NEEDS = "servers"


async def rows(bench: Bench) -> list[Row]:
    """Events/s, and CPU an event."""
    count = bench.sized(20_000, 4_000)
    await kafka.ensure_topics(bench.servers.kafka, BOOK.topics)
    async with kafka.producer(bench.servers.kafka, "bench") as producer:
        await publish(producer, BOOK.topic, ready(passes(BOOK, "", count, 1, count)))
    cpu: dict[str, list[float]] = {"worker": [], "history": [], "faust": []}
    client: Client = AsyncIOMotorClient(bench.servers.mongodb)
    sides = {side: partial(once, bench, client, side, count, cpu[side]) for side in cpu}
    values = await in_turns(sides, bench.rounds, warm_up=0)
    client.close()
    used = {side: f"{statistics.median(each):.0f}" for side, each in cpu.items()}
    worker, history = Side("worker without a view", values["worker"]), Side("history", values["history"])
    agent = Side("Faust agent", values["faust"])
    note = f"CPU of the process an event: {used['worker']} us; history {used['history']}, agent {used['faust']}"
    return [
        Row("G4 consume, decode, commit", "events/s", worker, agent, at_least(10), note),
        Row("the same as a rebuild reads", "events/s", history, agent),
    ]


async def once(bench: Bench, client: Client, side: str, count: int, cpu: list[float]) -> float:
    """Events/s of a process that reads everything."""
    await client.drop_database(BOOK.service)
    with process("benchmarks.processes.counting", side, str(count), env=bench.environment(free_port())) as reader:
        rate, used = (await asyncio.to_thread(first_line, reader)).split()
    cpu.append(float(used))
    return float(rate)
