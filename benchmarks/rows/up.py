"""`make up` with nothing there and with everything there: seconds until ready, and the memory of all of its processes.

The memory is the proportional set size (PSS): pages that processes share are counted once.
"""

import json
from pathlib import Path
from time import perf_counter

import psutil

from benchmarks.bench import Bench
from benchmarks.measuring import Row, Side
from shared.testing.embedded_stack import embedded_system

NEEDS = "nothing"


async def rows(bench: Bench) -> list[Row]:
    """One start from nothing, two more with the data of the first."""
    seconds: list[float] = []
    memory: list[float] = []
    for _ in range(bench.sized(3, 1)):
        began = perf_counter()
        for system in embedded_system(bench.folder, "kafka"):
            seconds.append(perf_counter() - began)
            assert system.root is not None
            sizes = proportional(system.root)
            memory.append(sum(sizes))
    again = [Row("make up, again", "s", Side("until ready", seconds[1:]))] if seconds[1:] else []
    return [
        Row("make up, nothing there", "s", Side("until ready", seconds[:1])),
        *again,
        Row("memory of the system (PSS)", "MB", Side(f"{len(sizes)} processes", memory)),
    ]


def proportional(root: Path) -> list[float]:
    """MB of each process of a running system."""
    above = psutil.Process(json.loads((root / "state.json").read_text())["pid"])
    return [each.memory_full_info().pss / 2**20 for each in (above, *above.children(recursive=True))]
