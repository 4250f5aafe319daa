"""A slow database: the worker takes no more than it can hold, tells its lag, and catches up (reliability B.2.15)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx2
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.embedded.ports import free_port
from shared.chassis.event_store import Append
from shared.testing.running import Servers
from tests.integration.chaos.checker import check
from tests.integration.chaos.lines import Line
from tests.integration.chaos.mortal import Mortal
from tests.integration.chaos.world import World
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, environment, eventually, metadata

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]
STREAMS, EVENTS_EACH = 600, 4
SLOW = 0.2  # seconds for each piece of a request
FLAT_BYTES = 60 * 1024 * 1024
PATIENT_LINES = 3
"""How often a worker may say that it waits: a storm of time-outs says it all the time."""


@pytest.fixture
async def line(servers: Servers) -> Line:
    host, _, port = servers.mongodb.removeprefix("mongodb://").partition("/")[0].rpartition(":")
    return Line(host, int(port))


@pytest.fixture
async def worker(servers: Servers, line: Line, toy_events: None, tmp_path: Path) -> AsyncIterator[Mortal]:
    async with line.address() as address:
        options = servers.mongodb.partition("?")[2]
        told = {**environment(servers, free_port()), "VETWIRE_MONGODB": f"mongodb://{address}/?{options}"}
        made = Mortal("tests.integration.pipeline.toy", told, tmp_path / "worker.log")
        made.start()
        await asyncio.to_thread(made.until_ready)
        yield made
        made.end()


async def count_many(service: Toy) -> None:
    for start in range(0, STREAMS, 200):
        appends = [
            Append(
                service.stream(f"s{n}"),
                -1,
                [(uuid4(), toy.Counted(clinic_id=service.clinic, step=1)) for _ in range(EVENTS_EACH)],
                metadata(service.clinic),
            )
            for n in range(start, start + 200)
        ]
        assert await service.running.store.append_many(appends) == [EVENTS_EACH - 1] * len(appends)


async def lag(worker: Mortal) -> float:
    """The records that the worker says it has not handled."""
    async with httpx2.AsyncClient(timeout=30) as http:
        text = (await http.get(f"{worker.url}/metrics")).text
    families = text_string_to_metric_families(text)
    return max((s.value for f in families for s in f.samples if s.name == "vetwire_projection_lag_events"), default=0)


async def test_a_worker_on_a_slow_database_holds_little_tells_its_lag_and_catches_up(
    service: Toy, world: World, worker: Mortal, line: Line
) -> None:
    process = psutil.Process(worker.pid)
    line.delay = SLOW
    before = process.memory_info().rss
    await count_many(service)

    async def is_behind() -> bool:
        return await lag(worker) > 100

    await eventually(is_behind, 60)
    most = before
    for _ in range(30):
        most = max(most, process.memory_info().rss)
        await asyncio.sleep(0.2)
    assert most - before < FLAT_BYTES
    assert httpx2.get(f"{worker.url}/livez").status_code == 200
    line.delay = 0
    await world.settle()
    assert check(await world.read([])) == []
    assert worker.log.read_text().count('"worker waits"') <= PATIENT_LINES
