"""Every row, or those named (`g3`, `g8`, `ingest`, `up`), one after another, each beside its base in the same run.

Servers are started once for all rows that need them, and the whole system once for those that need that. Each row is a
process of its own and writes a file of its own. Exit code: 1 when a row failed to run, 2 for a name that no row has; a
goal that is missed is no failure.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import table
from benchmarks.catalogue import Need, chosen, names, need_of
from shared.testing.embedded_stack import PROJECT, embedded_servers, embedded_system

RESULTS = Path(__file__).parent / "results"
REGISTRY = PROJECT.parent / "shared" / "data" / "seattle_pet_licenses_2018-12.csv"


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("rows", nargs="*", help=f"any of: {', '.join(names())}, or a part of such a name")
    parser.add_argument("--quick", action="store_true", help="small and without meaning: whether every row still runs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--registry", type=Path, help="a city's register of pets; one is made up where there is none")
    parser.add_argument("--broker", default="kafka", help="kafka or noida")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where each row writes its JSON file")
    parser.add_argument("--write-docs", action="store_true", help="only put the results into docs/performance.md")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = options(arguments)
    if given.write_docs:
        table.write_docs(given.results)
        return 0
    rows, unknown = chosen(given.rows)
    if unknown:
        print(f"no such row: {', '.join(unknown)}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    failed = list(run(rows, given))
    print(table.text(given.results, rows), flush=True)
    if failed:
        print(f"failed to run: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run(rows: Sequence[str], given: argparse.Namespace) -> Iterator[str]:
    """The names of those that failed."""
    for need in ("nothing", "servers", "system"):
        needing = [row for row in rows if need_of(row) == need]
        if needing:
            with place(need, given.broker) as endpoints:
                yield from [row for row in needing if not succeeds(row, endpoints, given)]


@contextmanager
def place(need: Need, broker: str) -> Iterator[Path | None]:
    """Where the addresses are written of what was started."""
    if need == "nothing":
        yield None
        return
    start = embedded_servers if need == "servers" else embedded_system
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for _ in start(Path(folder), broker):
            yield Path(folder) / "endpoints.json"


def succeeds(row: str, endpoints: Path | None, given: argparse.Namespace) -> bool:
    """Measure the row in a process of its own."""
    print(f"== {row}", flush=True)
    command = [sys.executable, "-m", "benchmarks.row", row, "--rounds", str(given.rounds), "--results", given.results]
    command += ["--at", endpoints] if endpoints else []
    registry = given.registry or (REGISTRY if REGISTRY.exists() else None)
    command += ["--registry", registry] if registry else []
    command += ["--quick"] if given.quick else []
    done = subprocess.run(command, cwd=PROJECT, check=False).returncode == 0
    if done:
        print(table.text(given.results, [row]), flush=True)
    return done


if __name__ == "__main__":
    raise SystemExit(main())
