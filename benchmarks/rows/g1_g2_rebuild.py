"""G1 and G2: a rebuild beside what it is made of, and beside one update for each event.

G1: the whole rebuild (announcing, proving that the topic is complete, reading, folding, inserting) against the serial
bound of its parts measured bare: raw batches validated and folded with nothing around, and `insert_many` of ready
documents. G2: against one `update_one` for each event, reading and decoding not even counted. Both at 20 events a
document and at one; and what an event costs with ten times as many of them.
"""

from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from aiokafka import AIOKafkaConsumer

from benchmarks.bench import Bench
from benchmarks.measuring import Goal, Row, Side, at_least, at_most, in_turns
from benchmarks.notes import Notebook, Sheet, evolve, notebook, passes, publish, ready
from shared.chassis import kafka
from shared.chassis.mongo import Document
from shared.chassis.rebuild import Rebuild
from shared.chassis.runtime import Runtime, runtime
from shared.chassis.switching import drop

NEEDS = "servers"
UPDATES = 800
BATCH = 1_000
Figures = dict[str, list[float]]


@dataclass(frozen=True)
class Case:
    """`streams` of `length` events each, in a topic of their own."""

    book: Notebook
    streams: int
    length: int

    @property
    def events(self) -> int:
        return self.streams * self.length


async def rows(bench: Bench) -> list[Row]:
    """The cases one after another; the rebuild of a tenth of the first takes its turn among the sides of that."""
    full = Case(notebook("benchtwenty"), bench.sized(6_000, 100), 20)
    ten = Case(notebook("benchtenth"), full.streams // 10, 20)
    single = Case(notebook("benchsingle"), bench.sized(12_000, 100), 1)
    async with runtime(bench.settings()) as running:
        for of in (ten, full, single):
            await fill(running, of)
        tenth = {"tenth": partial(whole_rebuild, running, ten)}
        twenty = await in_turns(sides(running, full) | tenth, bench.rounds)
        one = await in_turns(sides(running, single), bench.rounds)
    large, small = ([1e6 / rate for rate in twenty[name]] for name in ("rebuild", "tenth"))
    scale = Side(f"{full.events:,} events", large), Side(f"{ten.events:,} events", small)
    return [
        *_compared(full, twenty, at_least(0.75), at_least(50)),
        *_compared(single, one, None, at_least(5)),
        Row("rebuild at 10 x", "us/event", *scale, at_most(1.2)),
    ]


def sides(running: Runtime, of: Case) -> dict[str, "partial[Coroutine[Any, Any, float]]"]:
    """What is measured in turns; each gives events/s, or documents/s."""
    works = {"fold": bare_fold, "insert": bare_insert, "update": update_each, "rebuild": whole_rebuild}
    return {name: partial(work, running, of) for name, work in works.items()}


def _compared(of: Case, figures: Figures, bound: Goal | None, against_updates: Goal) -> list[Row]:
    parts = zip(figures["fold"], figures["insert"], strict=True)
    serial = [1 / (1 / fold + 1 / of.length / insert) for fold, insert in parts]
    ours, way = Side("rebuild", figures["rebuild"]), f"{of.length} events a document"
    updates = Side("update_one for each", figures["update"])
    return [
        Row(f"G1 rebuild, {way}", "events/s", ours, Side("serial bound of its parts", serial), bound),
        Row(f"G2 rebuild, {way}", "events/s", ours, updates, against_updates),
    ]


async def fill(running: Runtime, of: Case) -> None:
    """What a relay would have published, all of it: a rebuild looks whether that is so."""
    await kafka.ensure_topics(running.settings.brokers, of.book.topics)
    async with kafka.producer(running.settings.brokers, "bench") as producer:
        await publish(producer, of.book.topic, ready(passes(of.book, "", of.streams, of.length, of.streams)))


async def bare_fold(running: Runtime, of: Case) -> float:
    """Events/s of raw batches, validated by pydantic and folded in a dict: no headers, no order, no guard."""
    ends = await kafka.ends(running.settings.brokers, [of.book.topic])
    consumer = AIOKafkaConsumer(bootstrap_servers=running.settings.brokers, enable_auto_commit=False)
    began = perf_counter()
    await consumer.start()
    consumer.assign(list(ends))
    await consumer.seek_to_beginning()
    sheets: dict[bytes, Sheet] = {}
    left = of.events
    while left:
        for records in (await consumer.getmany(timeout_ms=500, max_records=5_000)).values():
            for record in records:
                event = of.book.event.model_validate_json(record.value)
                sheets[record.key] = evolve(sheets.get(record.key), event)
            left -= len(records)
    seconds = perf_counter() - began
    await consumer.stop()
    assert len(sheets) == of.streams
    return of.events / seconds


def documents(of: Case, count: int) -> list[Document]:
    sheet = evolve(None, of.book.noted(0, 0)).model_dump()
    return [{"_id": f"elm.{n}", "_rev": of.length - 1, "_clinic": "elm", **sheet} for n in range(count)]


async def bare_insert(running: Runtime, of: Case) -> float:
    """Documents/s."""
    ready = documents(of, of.streams)
    target = running.db["bare"]
    began = perf_counter()
    for first in range(0, len(ready), BATCH):
        await target.insert_many(ready[first : first + BATCH], ordered=False)
    seconds = perf_counter() - began
    await running.db.drop_collection("bare")
    return of.streams / seconds


async def update_each(running: Runtime, of: Case) -> float:
    """Events/s when every event is an upsert of its document."""
    ready = documents(of, max(1, min(UPDATES, of.events) // of.length))
    target = running.db["updated"]
    began = perf_counter()
    for _ in range(of.length):
        for row in ready:
            await target.update_one({"_id": row["_id"]}, {"$set": row}, upsert=True)
    seconds = perf_counter() - began
    await running.db.drop_collection("updated")
    return of.length * len(ready) / seconds


async def whole_rebuild(running: Runtime, of: Case) -> float:
    """Events/s from the call until the version is ready."""
    result = await Rebuild(running, of.book.projection, source="kafka").run()
    assert (result.events, result.documents, result.parked) == (of.events, of.streams, 0), result
    await drop(running.db, of.book.projection.collection, result.version.number, at_once=True)
    return of.events / result.seconds
