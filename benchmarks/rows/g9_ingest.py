"""G9 and the nightly file: a practice's records through the whole system, beside bare writes of the same documents.

In each round a clinic that is new pushes a fifth of a city's register of pets through the gateway: the clock runs from
the first byte to the last row visible in the portal. Then the same documents are written in bulk into an empty
collection of the same MongoDB with nothing around. Then the clinic pushes the same file again, of which nothing has
changed (G9), beside a full pass of upserts over all of its documents, in bulk and one by one. Another new clinic pushes
a tenth as much: what a record costs at ten times the data, and the memory of the process that takes the file in.
"""

import csv
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import quote

import psutil
from pymongo import MongoClient, ReplaceOne

from benchmarks.bench import Bench
from benchmarks.measuring import Row, Side, at_least, at_most
from ops.registry_drop import REGISTRY_COLUMNS, Drop, convert
from shared.testing.gateway import Feed, Gateway, NewClinic, gateway_of
from shared.testing.running import wait_until

NEEDS = "system"
BATCH = 1_000
SINGLES = 500
LAST_ROWS = 20
CHUNK = 64 * 1024
MADE_UP = 20_000
Database = MongoClient[dict[str, Any]]


async def rows(bench: Bench) -> list[Row]:
    """Everything, from the same rounds."""
    found: dict[str, list[float]] = {}
    mongodb: Database = MongoClient(bench.system.endpoints["mongodb"])
    with gateway_of(bench.system) as gateway, mongodb:
        intake = psutil.Process(bench.system.pid("pims-sync-api"))
        first_run(gateway, mongodb, next(drops(bench, 1, bench.sized(500, 20))))
        size = parts_of(bench)
        tenths = drops(bench, bench.rounds, size // 10)
        for large, small in zip(drops(bench, bench.rounds, size), tenths, strict=True):
            for name, value in one_round(gateway, mongodb, intake, large, small).items():
                found.setdefault(name, []).append(value)
    return lines({name: Side(WHAT[name], values) for name, values in found.items()}, size)


WHAT = {
    "visible": "through the gateway, until visible",
    "bare": "bulk_write of the same documents",
    "unchanged": "the same file again",
    "upserts": "full pass of upserts, in bulk",
    "singles": "full pass of upserts, one by one",
    "cost": "the whole part",
    "small_cost": "a tenth of it",
    "memory": "the whole part",
    "small_memory": "a tenth of it",
}


def lines(side: dict[str, Side], size: int) -> list[Row]:
    """The table's."""
    note = f"{size:,} rows a round"
    return [
        Row("ingest of a register", "records/s", side["visible"], side["bare"], at_least(0.5), note),
        Row("G9 sync of unchanged records, bulk", "records/s", side["unchanged"], side["upserts"], at_least(20)),
        Row("G9 sync of unchanged records, single", "records/s", side["unchanged"], side["singles"], at_least(20)),
        Row("ingest at 10 x", "us/record", side["cost"], side["small_cost"], at_most(1.2)),
        Row("memory of the intake at 10 x", "MB", side["memory"], side["small_memory"]),
    ]


def one_round(
    gateway: Gateway, mongodb: Database, intake: psutil.Process, large: Drop, small: Drop
) -> dict[str, float]:
    """Records/s, microseconds a record, MB."""
    with resident(intake) as small_memory:
        _, small_seconds = first_run(gateway, mongodb, small)
    with resident(intake) as memory:
        clinic, seconds = first_run(gateway, mongodb, large)
    return {
        "visible": large.patient_rows / seconds,
        **bare_writes(mongodb, clinic.clinic_id),
        "unchanged": second_run(clinic, large),
        "cost": seconds / large.patient_rows * 1e6,
        "small_cost": small_seconds / small.patient_rows * 1e6,
        "memory": max(memory),
        "small_memory": max(small_memory),
    }


def first_run(gateway: Gateway, mongodb: Database, drop: Drop) -> tuple[NewClinic, float]:
    """A new clinic and the seconds until all of it is visible."""
    clinic = gateway.new_clinic()
    began = perf_counter()
    appended = push(clinic, drop)["patient"]["appended"]
    wait_for(gateway, mongodb, clinic, drop, appended)
    return clinic, perf_counter() - began


def second_run(clinic: NewClinic, drop: Drop) -> float:
    """Records/s of both files."""
    began = perf_counter()
    told = push(clinic, drop)
    seconds = perf_counter() - began
    assert all(answer["appended"] == 0 for answer in told.values()), told
    return (drop.client_rows + drop.patient_rows) / seconds


def bare_writes(mongodb: Database, clinic_id: str) -> dict[str, float]:
    """The portal's own documents into an empty collection, then once more over themselves."""
    documents = list(mongodb["portal"]["pets"].find({"_clinic": clinic_id}))
    target = mongodb["bench"]["pets"]
    upserts = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents]
    batches = [upserts[i : i + BATCH] for i in range(0, len(upserts), BATCH)]
    new = seconds_of(lambda: [target.bulk_write(batch, ordered=False) for batch in batches])
    again = seconds_of(lambda: [target.bulk_write(batch, ordered=False) for batch in batches])
    some = documents[:SINGLES]
    singles = seconds_of(lambda: [target.replace_one({"_id": each["_id"]}, each, upsert=True) for each in some])
    mongodb.drop_database("bench")
    return {"bare": len(documents) / new, "upserts": len(documents) / again, "singles": len(some) / singles}


def push(clinic: NewClinic, drop: Drop) -> dict[str, dict[str, Any]]:
    """A full run: what each file's answer said."""
    feed = Feed(clinic.pims, clinic.clinic_id)
    run_id = feed.start()
    files = {"client": drop.clients, "patient": drop.patients}
    answers = {entity: feed.send(run_id, entity, chunks(path)) for entity, path in files.items()}
    for answer in answers.values():
        assert answer.status_code == 200, answer.text
    assert feed.complete(run_id, **drop.declared_counts).status_code == 200
    return {entity: answer.json() for entity, answer in answers.items()}


def wait_for(gateway: Gateway, mongodb: Database, clinic: NewClinic, drop: Drop, wanted: int) -> None:
    """Until the portal counts `wanted`. Asked only once the last rows are there: a count reads the whole view."""
    with drop.patients.open(newline="", encoding="utf-8") as file:
        last = deque((row["AccountId"] for row in csv.DictReader(file)), LAST_ROWS)
    keys = [f"{clinic.clinic_id}.{quote(each, safe='')}" for each in set(last)]
    pets = mongodb["portal"]["pets"]
    wait_until(lambda: len(list(pets.find({"_id": {"$in": keys}}, {"_id": 1}))) == len(keys), 600, "the rows", 0.02)
    path = f"/api/portal/v1/clinics/{clinic.clinic_id}/patients/count"
    wait_until(lambda: bool(gateway.operator().get(path).json() == {"count": wanted}), 60, "every row", 0.1)


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def seconds_of(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


@contextmanager
def resident(process: psutil.Process) -> Iterator[list[float]]:
    """The process's resident memory in MB, ten times a second."""
    stop, found = threading.Event(), [process.memory_info().rss / 2**20]

    def watch() -> None:
        while not stop.wait(0.1):
            found.append(process.memory_info().rss / 2**20)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield found
    finally:
        stop.set()
        watching.join()


def parts_of(bench: Bench) -> int:
    """How many rows each round pushes: all rounds together push the register once."""
    if bench.quick:
        return 200
    if bench.registry is None:
        return MADE_UP // bench.rounds
    with bench.registry.open("rb") as file:
        return (sum(1 for _ in file) - 1) // bench.rounds


def drops(bench: Bench, parts: int, size: int) -> Iterator[Drop]:
    """The register, or one that is nobody's, in parts of that size, as a practice's files."""
    with register(bench) as found:
        for number in range(parts):
            part = bench.folder / f"register-{size}-{number}.csv"
            with part.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, REGISTRY_COLUMNS, extrasaction="ignore")
                writer.writeheader()
                writer.writerows(islice(found, size))
            yield convert(part, bench.folder / f"drop-{size}-{number}")


@contextmanager
def register(bench: Bench) -> Iterator[Iterator[dict[str, Any]]]:
    if bench.registry is None:
        yield made_up()
        return
    with bench.registry.open(newline="", encoding="utf-8-sig") as file:
        yield iter(csv.DictReader(file))


def made_up() -> Iterator[dict[str, Any]]:
    """Endless."""
    number = 0
    while True:
        number += 1
        values = (f"S{number}", f"Pet {number % 9973}", "Dog", "Retriever, Labrador", "Mix", f"98{number % 170:03}")
        yield dict(zip(REGISTRY_COLUMNS, values, strict=True))
