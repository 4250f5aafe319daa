"""A rebuild beside what it is made of, and beside one update per event, in interleaved rounds on the same servers.

`python -m benchmarks.rebuild [--rounds 5] [--broker kafka]` starts the three embedded servers and fills them by way of
the event store and the relay. G1: the whole rebuild (announcing, proving that the topic is complete, reading, folding,
inserting) against the serial bound of its parts measured bare: raw batches validated and folded with nothing around,
and `insert_many` of ready documents. G2: against one `update_one` per event. At 20 events a document and at one, and
what an event costs with ten times the data. Writes benchmarks/results/rebuild.json.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer
from pydantic import BaseModel, SecretStr

from shared.chassis import kafka
from shared.chassis.event_store import Append
from shared.chassis.mongo import Document
from shared.chassis.rebuild import Rebuild
from shared.chassis.relay import Relay
from shared.chassis.runtime import Runtime, runtime
from shared.chassis.settings import ChassisSettings
from shared.chassis.switching import drop
from shared.events.base import Event, event_type
from shared.events.envelope import Actor, Metadata
from shared.events.topics import Topic, events_topic
from shared.kernel.decider import Projection
from shared.testing.embedded_stack import embedded_servers
from shared.testing.running import Servers

RESULTS = Path(__file__).parent / "results" / "rebuild.json"
UPDATES = 1_000
BATCH = 1_000


class BenchSettings(ChassisSettings):
    service = "bench"


class Weight(BaseModel):
    value: float
    unit: str
    taken_at: datetime


class Contact(BaseModel):
    name: str
    phone: str
    relation: str


class Noted(Event):
    """About 600 bytes: 12 fields, 3 of them nested."""

    clinic_id: str
    patient_id: str
    name: str
    species: str
    breed: str
    step: int
    weight: Weight
    owner: Contact
    second: Contact
    tags: tuple[str, ...]
    note: str
    observed_at: datetime


class Sheet(BaseModel):
    name: str
    species: str
    steps: int
    weight: Weight
    owner: Contact
    note: str
    observed_at: datetime


def evolve(sheet: Sheet | None, event: Noted) -> Sheet:
    same = {name: getattr(event, name) for name in ("name", "species", "weight", "owner", "note", "observed_at")}
    return Sheet.model_construct(steps=(sheet.steps if sheet else 0) + 1, **same)


@dataclass(frozen=True)
class Case:
    """`streams` of `length` events each, of a service of their own."""

    name: str
    streams: int
    length: int
    event: type[Noted]

    @property
    def events(self) -> int:
        return self.streams * self.length

    @property
    def projection(self) -> Projection[Any, Sheet]:
        return Projection(f"sheets_{self.name}", "sheet" + self.name, (self.event,), Sheet, evolve)


def case(name: str, streams: int, length: int) -> Case:
    made: type[Noted] = type("Noted", (Noted,), {})
    return Case(name, streams, length, event_type(f"bench{name}.Noted.v1")(made))


CASES = (case("tenth", 600, 20), case("twenty", 6_000, 20), case("single", 12_000, 1))


def noted(of: Case, stream: int, step: int) -> Noted:
    now = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    someone = Contact(name="Renate Holm", phone="+15035550147", relation="co-owner")
    return of.event(
        clinic_id="elm",
        patient_id=f"p{stream}",
        name="Biscuit",
        species="canine",
        breed="Nova Scotia Duck Tolling Retriever",
        step=step,
        weight=Weight(value=18.4, unit="kg", taken_at=now),
        owner=someone,
        second=someone,
        tags=("nervous", "muzzle", "diabetic"),
        note="Eats well again; sutures out on Thursday, then no running for ten days.",
        observed_at=now,
    )


async def fill(running: Runtime, of: Case) -> None:
    """Through the event store and the relay, as in production."""
    then, who = datetime(2026, 11, 2, tzinfo=UTC), Actor(kind="system", id="bench")
    meta = Metadata(clinic_id="elm", actor=who, command_id=uuid4(), correlation_id="bench", recorded_at=then)
    category = of.projection.category
    for first in range(0, of.streams, 500):
        appends = [
            Append(f"{category}-elm.{s}", -1, [(uuid4(), noted(of, s, n)) for n in range(of.length)], meta)
            for s in range(first, min(first + 500, of.streams))
        ]
        await running.store.append_many(appends, timeout=120)
    service = f"bench{of.name}"
    await kafka.ensure_topics(running.settings.brokers, [Topic(events_topic(service))])
    db = running.client.get_database(service)
    head = await running.store.head(rf"{service}\..*")
    relay = Relay(service, running.store, db, running.settings.brokers, (of.event,), "bench")
    relaying = asyncio.ensure_future(relay.run())
    position = 0
    while position < head:
        await asyncio.sleep(0.2)
        position = (await db["relay"].find_one({"_id": "relay"}) or {}).get("position", 0)
    relaying.cancel()
    await asyncio.gather(relaying, return_exceptions=True)


async def bare_fold(running: Runtime, of: Case) -> float:
    """Events/s of raw batches, validated by pydantic and folded in a dict: no headers, no order, no guard."""
    topic = events_topic(f"bench{of.name}")
    ends = await kafka.ends(running.settings.brokers, [topic])
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
                sheets[record.key] = evolve(sheets.get(record.key), of.event.model_validate_json(record.value))
            left -= len(records)
    seconds = perf_counter() - began
    await consumer.stop()
    assert len(sheets) == of.streams
    return of.events / seconds


def ready(of: Case, count: int) -> list[Document]:
    sheet = evolve(None, noted(of, 0, 0)).model_dump()
    return [{"_id": f"elm.{n}", "_rev": of.length - 1, "_clinic": "elm", **sheet} for n in range(count)]


async def bare_insert(running: Runtime, of: Case) -> float:
    """Documents/s."""
    rows = ready(of, of.streams)
    target = running.db["bare"]
    began = perf_counter()
    for first in range(0, len(rows), BATCH):
        await target.insert_many(rows[first : first + BATCH], ordered=False)
    seconds = perf_counter() - began
    await running.db.drop_collection("bare")
    return of.streams / seconds


async def update_each(running: Runtime, of: Case) -> float:
    """Events/s when every event is an upsert of its document; reading and decoding are not even counted."""
    rows = ready(of, UPDATES // of.length)
    target = running.db["updated"]
    began = perf_counter()
    for _ in range(of.length):
        for row in rows:
            await target.update_one({"_id": row["_id"]}, {"$set": row}, upsert=True)
    seconds = perf_counter() - began
    await running.db.drop_collection("updated")
    return of.length * len(rows) / seconds


async def whole_rebuild(running: Runtime, of: Case) -> float:
    """Events/s from the call until the version is ready."""
    result = await Rebuild(running, of.projection, source="kafka").run()
    assert (result.events, result.documents, result.parked) == (of.events, of.streams, 0), result
    await drop(running.db, of.projection.collection, result.version.number, at_once=True)
    return of.events / result.seconds


MEASURES: dict[str, Callable[[Runtime, Case], Awaitable[float]]] = {
    "bare_fold": bare_fold,
    "bare_insert": bare_insert,
    "update_each": update_each,
    "rebuild": whole_rebuild,
}


async def measure(running: Runtime, rounds: int) -> dict[str, dict[str, list[float]]]:
    figures: dict[str, dict[str, list[float]]] = {of.name: {name: [] for name in MEASURES} for of in CASES}
    for of in CASES:
        await fill(running, of)
    for number in range(rounds + 1):
        for of in CASES:
            for name, work in MEASURES.items():
                rate = await work(running, of)
                if number:  # the first round warms both sides up
                    figures[of.name][name].append(round(rate, 1))
    return figures


def ratios(figures: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, list[float]]]:
    """Round by round: G1, G2, and the parts' share."""
    found: dict[str, dict[str, list[float]]] = {}
    for of in CASES:
        each = zip(*(figures[of.name][name] for name in MEASURES), strict=True)
        bound = [(1 / (1 / fold + 1 / of.length / insert), update, whole) for fold, insert, update, whole in each]
        found[of.name] = {
            "of_serial_bound": [round(whole / most, 3) for most, _, whole in bound],
            "to_update_each": [round(whole / update, 1) for _, update, whole in bound],
        }
    tenth, full = (figures[name]["rebuild"] for name in ("tenth", "twenty"))
    found["cost"] = {"per_event_at_10x": [round(small / large, 3) for small, large in zip(tenth, full, strict=True)]}
    return found


def report(figures: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    found = ratios(figures)
    for of in CASES:
        medians = {name: statistics.median(rates) for name, rates in figures[of.name].items()}
        print(f"{of.name}: {of.events:,} events, {of.streams:,} documents")
        print("   " + ", ".join(f"{name} {rate:,.0f}/s" for name, rate in medians.items()))
    for name, each in found.items():
        for ratio, values in each.items():
            print(f"{name:8}{ratio:20}{statistics.median(values):8.2f}   {min(values)}-{max(values)}")
    middle = {name: {r: statistics.median(v) for r, v in each.items()} for name, each in found.items()}
    goals = {"of_serial_bound": 0.75, "to_update_each": {"twenty": 50, "single": 5}, "per_event_at_10x": 1.2}
    return {"per_second": figures, "ratios": found, "medians": middle, "goals": goals}


async def run(servers: Servers, rounds: int) -> dict[str, Any]:
    store, mongodb = SecretStr(servers.eventstore), SecretStr(servers.mongodb)
    settings = BenchSettings(eventstore=store, kafka=servers.kafka, mongodb=mongodb)
    async with runtime(settings) as running:
        return report(await measure(running, rounds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--broker", default="kafka")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for servers in embedded_servers(Path(folder), given.broker):
            result = asyncio.run(run(servers, given.rounds))
            result["servers"] = servers.describe()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
