"""One row module in a process of its own: `python -m benchmarks.row NAME --results FOLDER [...]`.

A row module of `benchmarks/rows` has `NEEDS` ("nothing", "servers" or "system") and `async def rows(bench)`, which
gives the lines that it measured.
"""

import argparse
import json
import os
import tempfile
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from benchmarks.bench import Bench
from benchmarks.measuring import Row
from shared.chassis.logs import set_up_logging
from shared.testing.running import RunningSystem, Servers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--registry", type=Path)
    parser.add_argument("--at", type=Path, help="endpoints.json of the servers or the system")
    parser.add_argument("--results", type=Path, required=True)
    given = parser.parse_args()
    set_up_logging("bench", "development", "ERROR")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given.rounds, given.quick, Path(folder), given.registry, *_places(given.at))
        load, began = os.getloadavg()[0], perf_counter()
        found = uvloop.run(import_module(f"benchmarks.rows.{given.name}").rows(bench))
    about = {"load_before": round(load, 2), "seconds": round(perf_counter() - began, 1)}
    write(given.results / f"{given.name}.json", found, {**about, "quick": given.quick, "servers": _described(bench)})


def write(path: Path, found: list[Row], about: dict[str, Any]) -> None:
    """The row's file, and its lines for whoever watches."""
    content = {"at": datetime.now(tz=UTC).isoformat(timespec="minutes"), **about}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**content, "rows": [row.to_json() for row in found]}, indent=1) + "\n")


def _places(at: Path | None) -> tuple[Servers | None, RunningSystem | None]:
    if at is None:
        return None, None
    content = json.loads(at.read_text())
    real = tuple(content["servers"])
    servers = Servers(content["eventstore"], content["kafka"], content["mongodb"], real, at.parent, content["mailbox"])
    return servers, RunningSystem(content["gateway"], content, at.parent) if "gateway" in content else None


def _described(bench: Bench) -> list[str]:
    return bench.given_servers.describe() if bench.given_servers else []


if __name__ == "__main__":
    main()
