"""G7: 50 commands a second from HTTP to the document, beside the bare floor on the same servers.

Ours: an API process (token, idempotency key, event store) and a worker process (relay, Kafka, Faust, view). The floor,
in one process: an insert into SQLite (WAL, synchronous=FULL), a record sent and acknowledged, consumed, and one update.
The clock runs from when a command was due to when MongoDB acknowledged the document to whoever wrote it.
"""

import asyncio
import json
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from motor.motor_asyncio import AsyncIOMotorClient

from benchmarks.bench import Bench, first_line, process, until
from benchmarks.http_calls import Line, listens, request
from benchmarks.measuring import Goal, Row, Side, at_most, percentile
from benchmarks.trip import BOOK, SERVICE
from deploy.embedded.ports import free_port
from shared.chassis import kafka
from shared.chassis.mongo import Client, Collection
from shared.events.topics import Topic

NEEDS = "servers"
EVERY = 1 / 50
LINES = 8
FLOOR = Topic("benchfloor.events")
SHOWN = {"name", "species", "note", "weight", "owner", "observed_at"}


@dataclass
class Waits:
    """Milliseconds of one round."""

    answered: list[float] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)


class Trip:
    """Ours. `seen` has the moment at which each revision of each document, or a later one, was acknowledged."""

    def __init__(self, lines: list[Line], tokens: list[str]) -> None:
        self._free: asyncio.Queue[Line] = asyncio.Queue()
        for each in lines:
            self._free.put_nowait(each)
        self._tokens = tokens
        self.seen: dict[tuple[str, int], float] = {}

    def read(self, worker: "subprocess.Popen[str]") -> None:
        """What the worker says, until it ends; in a thread."""
        assert worker.stdout is not None
        for said in worker.stdout:
            if said.startswith("visible "):
                _, key, revision, at = said.split()
                for until_now in range(int(revision) + 1):
                    self.seen.setdefault((key, until_now), float(at))

    async def travel(self, number: int, prefix: str, half: int, waits: Waits, due: float) -> None:
        """One command: the first `half` make a document each, the others change them."""
        key, revision = f"{prefix}{number % half}", number // half
        path = f"/api/{SERVICE}/v1/clinics/elm/sheets/{key}"
        token = self._tokens[number % len(self._tokens)]
        at = await self._free.get()
        assert await at.call(request("POST", path, token, idempotency_key=uuid4().hex)) == 201
        self._free.put_nowait(at)
        waits.answered.append((perf_counter() - due) * 1000)
        await until(partial(self._is_seen, f"elm.{key}", revision))
        waits.visible.append((self.seen[f"elm.{key}", revision] - due) * 1000)

    async def _is_seen(self, key: str, revision: int) -> bool:
        return (key, revision) in self.seen


class Floor:
    """The least that could be done."""

    def __init__(self, folder: Path, producer: AIOKafkaProducer, sheets: Collection) -> None:
        self._producer = producer
        self._sheets = sheets
        self._done: dict[bytes, asyncio.Future[float]] = {}
        self._db = sqlite3.connect(folder / "floor.db", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, key TEXT, data BLOB)")

    async def consume(self, consumer: AIOKafkaConsumer) -> None:
        """Until cancelled."""
        async for record in consumer:
            event = BOOK.event.model_validate_json(record.value)
            shown = event.model_dump(include={"name", "species", "note", "weight", "owner", "observed_at"})
            await self._sheets.update_one(
                {"_id": record.key.decode()}, {"$set": shown, "$inc": {"steps": 1}}, upsert=True
            )
            if (done := self._done.pop(record.key + b"%d" % event.step, None)) is not None:
                done.set_result(perf_counter())

    async def travel(self, number: int, prefix: str, half: int, waits: Waits, due: float) -> None:
        """As ours."""
        key, revision = f"elm.{prefix}{number % half}", number // half
        data = BOOK.noted(key, revision).model_dump_json().encode()
        done = self._done[b"%s%d" % (key.encode(), revision)] = asyncio.get_running_loop().create_future()
        self._db.execute("INSERT INTO events (key, data) VALUES (?, ?)", (key, data))
        waits.answered.append((perf_counter() - due) * 1000)
        await self._producer.send_and_wait(FLOOR.name, key=key.encode(), value=data)
        waits.visible.append((await asyncio.wait_for(done, 90) - due) * 1000)


Travel = Callable[[int, str, int, Waits, float], Coroutine[Any, Any, None]]


async def paced(travel: Travel, commands: int) -> Waits:
    """One round: a command every 20 ms, whether the last one has arrived or not."""
    waits, prefix, began = Waits(), uuid4().hex[:8], perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(commands):
            due = began + number * EVERY
            await asyncio.sleep(max(0.0, due - perf_counter()))
            tasks.create_task(travel(number, prefix, commands // 2, waits, due))
    return waits


async def rows(bench: Bench) -> list[Row]:
    """p50 and p99 of what is visible; the answer to the command as a note."""
    await kafka.ensure_topics(bench.servers.kafka, [*BOOK.topics, FLOOR])
    commands, turns = bench.sized(250, 20), {"ours": list[Waits](), "floor": list[Waits]()}
    async with trip(bench) as ours, floor(bench) as bare:
        await paced(ours.travel, 2)
        for number in range(-1, bench.rounds):
            for side, travel in (("ours", ours.travel), ("floor", bare.travel)):
                waits = await paced(travel, commands)
                if number >= 0:
                    turns[side].append(waits)
    answered = [percentile([ms for each in turns["ours"] for ms in each.answered], share) for share in (0.5, 0.99)]
    note = f"the command is answered after {answered[0]:.1f} ms, p99 {answered[1]:.1f} ms"
    return [_row(turns, 0.5, at_most(2), note), _row(turns, 0.99, at_most(3), "")]


def _row(turns: dict[str, list[Waits]], share: float, goal: Goal, note: str) -> Row:
    ours, bare = ([percentile(each.visible, share) for each in turns[side]] for side in ("ours", "floor"))
    name = f"G7 command to visible, p{share * 100:.0f}"
    return Row(name, "ms", Side("through the service", ours), Side("bare floor", bare), goal, note)


@asynccontextmanager
async def trip(bench: Bench) -> AsyncIterator[Trip]:
    """The two processes of the service."""
    port = free_port()
    with (
        process("benchmarks.processes.trip_api", str(LINES), env=bench.environment(port)) as api,
        process("benchmarks.processes.trip_worker", env=bench.environment(free_port())) as worker,
    ):
        tokens = json.loads(first_line(api))
        await until(partial(listens, port))
        made = Trip([Line(port) for _ in tokens], tokens)
        Thread(target=made.read, args=(worker,), daemon=True).start()
        yield made


@asynccontextmanager
async def floor(bench: Bench) -> AsyncIterator[Floor]:
    """Its producer and its consumer."""
    client: Client = AsyncIOMotorClient(bench.servers.mongodb)
    consumer = AIOKafkaConsumer(
        FLOOR.name, bootstrap_servers=bench.servers.kafka, group_id="benchfloor", auto_offset_reset="earliest"
    )
    async with kafka.producer(bench.servers.kafka, "benchfloor") as producer:
        await consumer.start()
        made = Floor(bench.folder, producer, client["benchfloor"]["sheets"])
        consuming = asyncio.ensure_future(made.consume(consumer))
        try:
            yield made
        finally:
            consuming.cancel()
            with suppress(asyncio.CancelledError):
                await consuming
            await consumer.stop()
            client.close()
