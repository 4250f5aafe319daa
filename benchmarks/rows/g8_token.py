"""G8: a query with authentication beside the same one without, in the same API process, from 16 busy connections.

Each connection has a person of its own, whose token is verified once a minute and otherwise found in the cache.
"""

import asyncio
import json
from functools import partial
from time import perf_counter

import psutil

from benchmarks.bench import Bench, first_line, process, until
from benchmarks.http_calls import Line, listens, request
from benchmarks.measuring import Row, Side, at_least, in_turns
from benchmarks.trip import SERVICE
from deploy.embedded.ports import free_port

NEEDS = "servers"
CONNECTIONS = 16


async def rows(bench: Bench) -> list[Row]:
    """Requests/s, and the same by the CPU time that the process took."""
    port = free_port()
    with process("benchmarks.processes.trip_api", str(CONNECTIONS), env=bench.environment(port)) as api:
        tokens = json.loads(first_line(api))
        await until(partial(listens, port))
        lines = [Line(port) for _ in tokens]
        calls, server = bench.sized(8_000, 200), psutil.Process(api.pid)
        cpu: dict[str, list[float]] = {"guarded": [], "open": []}
        sides = {route: partial(asked, lines, tokens, route, calls, server, cpu[route]) for route in cpu}
        values = await in_turns(sides, bench.rounds)
        for each in lines:
            each.close()
    return [
        Row("G8 GET with a token", "requests/s", *_sides(values), at_least(0.75)),
        Row("GET with a token, CPU", "us/request", *_sides({r: c[-bench.rounds :] for r, c in cpu.items()})),
    ]


def _sides(values: dict[str, list[float]]) -> tuple[Side, Side]:
    return Side("with token", values["guarded"]), Side("without", values["open"])


async def asked(
    lines: list[Line], tokens: list[str], route: str, calls: int, server: psutil.Process, cpu: list[float]
) -> float:
    """Requests/s."""
    path = f"/api/{SERVICE}/v1/clinics/elm/{route}"
    before, began = sum(server.cpu_times()[:2]), perf_counter()
    share = calls // len(lines)
    await asyncio.gather(*(_again(at, request("GET", path, t), share) for at, t in zip(lines, tokens, strict=True)))
    seconds = perf_counter() - began
    cpu.append((sum(server.cpu_times()[:2]) - before) / (share * len(lines)) * 1e6)
    return share * len(lines) / seconds


async def _again(at: Line, call: bytes, times: int) -> None:
    for _ in range(times):
        assert await at.call(call) == 200
