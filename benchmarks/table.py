"""The rows' files as a table, on the screen and in docs/performance.md."""

import json
import platform
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.catalogue import names

DOCS = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
BUSY = 4
"""Running programs for each core; what a row leaves behind for the next one is below that."""
HEAD = ("row", "ours", "base", "unit", "ratio", "min-max", "goal", "")


def text(results: Path, rows: Sequence[str]) -> str:
    """For a terminal."""
    lines = [HEAD, *(cells for _, content in read(results, rows) for cells in _cells(content))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def write_docs(results: Path, docs: Path = DOCS) -> None:
    """Replace what is between the two marks."""
    before, _, rest = docs.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    docs.write_text(f"{before}{BEGIN}\n{markdown(results)}\n{END}{after}")


def markdown(results: Path) -> str:
    """The table, and under what circumstances it came about."""
    found = [(name, content) for name, content in read(results, names()) if not content["quick"]]
    lines = [HEAD, ("---",) * len(HEAD), *(cells for _, content in found for cells in _cells(content))]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notes = [f"- {row['name']}: {row['note']}" for _, content in found for row in content["rows"] if row["note"]]
    return "\n\n".join([circumstances([content for _, content in found]), table, "\n".join(notes)])


def circumstances(found: Sequence[dict[str, Any]]) -> str:
    """When, where, on which servers, and how busy the machine was before each row."""
    days = sorted({content["at"][:10] for content in found})
    servers = sorted({server for content in found for server in content["servers"]})
    loads = [content["load_before"] for content in found]
    machine = f"{psutil.cpu_count()} cores ({platform.machine()}), {psutil.virtual_memory().total >> 30} GB"
    measured = (
        f"Measured {' to '.join(dict.fromkeys((days[0], days[-1])))} on {machine}, Python {platform.python_version()}"
    )
    load = f"Load average before a row: {min(loads)} to {max(loads)}."
    if max(loads) > BUSY * (psutil.cpu_count() or 1):
        load += " **Other programs had the machine: these figures are provisional.**"
    return f"{measured}; {'; '.join(servers)}. {load} Median of the rounds' ratios, and their range."


def read(results: Path, rows: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The files that are there."""
    for name in rows:
        path = results / f"{name}.json"
        if path.exists():
            yield name, json.loads(path.read_text())


def _cells(content: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """A quick run has no verdict: its sizes are no measure of anything."""
    for row in content["rows"]:
        ratios = row["ratios"]
        yield (
            row["name"],
            _side(row["ours"]),
            _side(row.get("base")),
            row["unit"],
            f"{statistics.median(ratios):.3g}" if ratios else "",
            f"{min(ratios):.3g}-{max(ratios):.3g}" if ratios else "",
            row["goal"],
            "" if content["quick"] else row["verdict"],
        )


def _side(side: dict[str, Any] | None) -> str:
    return "" if side is None else f"{side['what']}: {_figure(statistics.median(side['values']))}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
