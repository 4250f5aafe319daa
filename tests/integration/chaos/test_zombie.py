"""A worker stands still longer than its lease and session, another takes over, then it wakes (reliability B.2.12)."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.ports import free_port
from shared.testing.running import Servers, wait_until
from tests.integration.chaos.checker import check
from tests.integration.chaos.mortal import Mortal
from tests.integration.chaos.world import World
from tests.integration.pipeline.conftest import Toy, environment, eventually

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]
STREAMS = 40


@pytest.fixture
def workers(servers: Servers, toy_events: None, tmp_path: Path) -> Iterator[list[Mortal]]:
    module = "tests.integration.pipeline.toy"
    made = [Mortal(module, environment(servers, free_port()), tmp_path / f"worker{n}.log") for n in (0, 1)]
    yield made
    for each in made:
        each.end()


async def count_many(service: Toy, name: str) -> None:
    """Every stream leads to a mail and to a command."""
    await asyncio.gather(*(service.count(f"{name}{n}", 1, 3, 2) for n in range(STREAMS)))


async def epoch(service: Toy) -> int:
    row = await service.running.db["relay"].find_one({"_id": "relay"})
    return int(row["epoch"]) if row else 0


async def test_a_worker_that_wakes_from_the_dead_is_fenced_and_does_nothing_twice(
    service: Toy, world: World, workers: list[Mortal]
) -> None:
    zombie, successor = workers
    zombie.start()
    await asyncio.to_thread(zombie.until_ready)
    await count_many(service, "before")
    await eventually(lambda: service.running.db["tallies"].find_one({"_clinic": service.clinic}), 60)
    os.kill(zombie.pid, signal.SIGSTOP)
    led = await epoch(service)
    await count_many(service, "while")
    successor.start()

    async def is_replaced() -> bool:
        return await epoch(service) > led

    await eventually(is_replaced, 60)
    os.kill(zombie.pid, signal.SIGCONT)
    await count_many(service, "after")
    await asyncio.to_thread(wait_until, lambda: "relay fenced" in zombie.log.read_text(), 60, "the zombie to notice")
    await world.settle()
    evidence = await world.read([])
    assert check(evidence) == []
    assert len({mail.effect for mail in evidence.mails}) == 3 * STREAMS
    praised = [f.stream for f in evidence.facts if f.type == "toy.Praised.v1" and service.clinic in f.stream]
    assert len(praised) == len(set(praised)) == 3 * STREAMS
    assert zombie.is_alive, "it is needed as a spare"
