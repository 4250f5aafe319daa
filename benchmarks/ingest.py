"""A practice's nightly file through the whole system, beside a bare write of the same documents.

`python -m benchmarks.ingest [--registry FILE | --rows 20000] [--broker kafka]` starts the embedded system, pushes a
full run through the gateway, and measures: seconds and records/s from the first byte to the last row visible in the
portal; the same documents written in bulk into the same MongoDB with nothing around; an unchanged second run against
a pass of upserts of everything (in bulk, and one by one); the resident memory of pims-sync's api with a file and with
one twice as long.
Writes benchmarks/results/ingest.json.
"""

import argparse
import csv
import json
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
from pymongo import MongoClient, ReplaceOne

from ops.registry_drop import REGISTRY_COLUMNS, Drop, convert
from shared.testing.embedded_stack import embedded_system
from shared.testing.gateway import Feed, Gateway, NewClinic, gateway_of
from shared.testing.running import RunningSystem, wait_until

BATCH = 1000
SINGLES = 1000
LAST_ROWS = 20
CHUNK = 64 * 1024
RESULTS = Path(__file__).parent / "results" / "ingest.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--registry", type=Path, help="a city's register of pet licences; default: one is made up")
    parser.add_argument("--rows", type=int, default=20_000, help="of the made-up register")
    parser.add_argument("--broker", default="kafka")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.registry, options.rows, options.broker)
    print(json.dumps(figures, indent=2))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")


def measure(folder: Path, registry: Path | None, rows: int, broker: str) -> dict[str, Any]:
    """Everything, in one run of one system."""
    source = registry or made_up(folder / "registry.csv", rows)
    once, twice = convert(source, folder / "once"), convert(doubled(source, folder), folder / "twice")
    (folder / "system").mkdir()
    figures: dict[str, Any] = {}
    for system in embedded_system(folder / "system", broker):
        with gateway_of(system) as gateway:
            clinic = gateway.new_clinic()
            figures |= first_run(system, gateway, clinic, once)
            figures |= bare_writes(system.endpoints["mongodb"], clinic.clinic_id)
            figures |= second_run(clinic, once)
            other = gateway.new_clinic()
            figures["rss_mb_file_twice_as_long"] = first_run(system, gateway, other, twice)["rss_mb"]
    return figures | ratios(figures)


def first_run(system: RunningSystem, gateway: Gateway, clinic: NewClinic, drop: Drop) -> dict[str, Any]:
    rows = drop.client_rows + drop.patient_rows
    with resident(system.pid("pims-sync-api")) as rss:
        started = time.perf_counter()
        appended = push(clinic, drop)["patient"]["appended"]
        received = time.perf_counter() - started
        wait_for(gateway, clinic, drop, appended)
        seconds = time.perf_counter() - started
    return {
        "rows": rows,
        "received_after_s": round(received, 2),
        "visible_after_s": round(seconds, 2),
        "visible_per_s": round(rows / seconds),
        "rss_mb": rss,
    }


def second_run(clinic: NewClinic, drop: Drop) -> dict[str, Any]:
    started = time.perf_counter()
    told = push(clinic, drop)
    seconds = time.perf_counter() - started
    assert all(answer["appended"] == 0 for answer in told.values()), told
    return {
        "unchanged_s": round(seconds, 2),
        "unchanged_per_s": round((drop.client_rows + drop.patient_rows) / seconds),
    }


def bare_writes(uri: str, clinic_id: str) -> dict[str, Any]:
    """The portal's own documents into an empty collection, then once more over themselves."""
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    documents = list(client["portal"]["pets"].find({"_clinic": clinic_id}))
    target = client["bench"]["pets"]
    upserts = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents]
    batches = [upserts[i : i + BATCH] for i in range(0, len(upserts), BATCH)]
    new = seconds_of(lambda: [target.bulk_write(batch, ordered=False) for batch in batches])
    again = seconds_of(lambda: [target.bulk_write(batch, ordered=False) for batch in batches])
    some = documents[:SINGLES]
    singles = seconds_of(lambda: [target.replace_one({"_id": each["_id"]}, each, upsert=True) for each in some])
    client.drop_database("bench")
    client.close()
    return {
        "bare_bulk_write_s": round(new, 2),
        "bare_bulk_write_per_s": round(len(documents) / new),
        "bulk_upserts_of_known_per_s": round(len(documents) / again),
        "single_upserts_of_known_per_s": round(len(some) / singles),
    }


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """G9 of the goals: a sync of unchanged records against a full pass of upserts."""
    unchanged = figures["unchanged_per_s"]
    return {
        "visible_to_bare_bulk_write": round(figures["visible_per_s"] / figures["bare_bulk_write_per_s"], 3),
        "unchanged_to_bulk_upserts": round(unchanged / figures["bulk_upserts_of_known_per_s"], 2),
        "unchanged_to_single_upserts": round(unchanged / figures["single_upserts_of_known_per_s"], 2),
    }


def push(clinic: NewClinic, drop: Drop) -> dict[str, dict[str, Any]]:
    feed = Feed(clinic.pims, clinic.clinic_id)
    run_id = feed.start()
    files = {"client": drop.clients, "patient": drop.patients}
    answers = {entity: feed.send(run_id, entity, chunks(path)) for entity, path in files.items()}
    for answer in answers.values():
        assert answer.status_code == 200, answer.text
    assert feed.complete(run_id, **drop.declared_counts).status_code == 200
    return {entity: answer.json() for entity, answer in answers.items()}


def wait_for(gateway: Gateway, clinic: NewClinic, drop: Drop, wanted: int) -> None:
    """Until the portal counts `wanted`. Asked only once the last rows are there: a count reads the whole view."""
    with drop.patients.open(newline="", encoding="utf-8") as file:
        last = deque((row["AccountId"] for row in csv.DictReader(file)), LAST_ROWS)
    keys = {f"{clinic.clinic_id}.{quote(each, safe='')}" for each in last}
    client: MongoClient[dict[str, Any]] = MongoClient(gateway.system.endpoints["mongodb"])
    pets = client["portal"]["pets"]
    wait_until(
        lambda: len(list(pets.find({"_id": {"$in": list(keys)}}, {"_id": 1}))) == len(keys), 600, "the last rows"
    )
    client.close()
    path = f"/api/portal/v1/clinics/{clinic.clinic_id}/patients/count"
    wait_until(lambda: bool(gateway.operator().get(path).json() == {"count": wanted}), 60, "every row", every=1.0)


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def resident(pid: int) -> Iterator[dict[str, int]]:
    """Resident memory of a process in MB: at the start and at most."""
    process, stop = psutil.Process(pid), threading.Event()
    found = {"start": process.memory_info().rss >> 20, "most": 0}

    def watch() -> None:
        while not stop.wait(0.1):
            found["most"] = max(found["most"], process.memory_info().rss >> 20)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield found
    finally:
        stop.set()
        watching.join()


def made_up(path: Path, rows: int) -> Path:
    """A register of licences that is nobody's."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(REGISTRY_COLUMNS)
        writer.writerows(
            (f"S{n}", f"Pet {n % 9973}", "Dog", "Retriever, Labrador", "Mix", f"98{n % 170:03}") for n in range(rows)
        )
    return path


def doubled(source: Path, folder: Path) -> Path:
    """Every row twice, under two numbers."""
    path = folder / "doubled.csv"
    with source.open(newline="", encoding="utf-8-sig") as file, path.open("w", newline="", encoding="utf-8") as out:
        rows = csv.DictReader(file)
        writer = csv.DictWriter(out, rows.fieldnames or ())
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            writer.writerow({**row, "License Number": f"{row['License Number']}-2"})
    return path


if __name__ == "__main__":
    main()
