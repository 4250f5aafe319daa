"""What seeds and how many rounds: `--chaos-seed`, `--chaos-rounds`; a few fixed ones without them.

And the toy service with a checker that looks at all it leaves behind.
"""

from collections.abc import AsyncIterator, Iterator
from random import SystemRandom
from uuid import uuid4

import pytest

from shared.chassis import kafka
from shared.chassis.runtime import runtime
from shared.testing.running import Servers
from tests.integration.chaos.world import World
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, environment

FIXED = ((24, 3), (319, 3))
"""Seeds and rounds of an ordinary run of all tests: between them they kill each server, APIs and workers."""
SECONDS_FOR_A_ROUND = 60


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The test's name holds the seed, so that every report tells it."""
    if "chaos_seed" in metafunc.fixturenames:
        metafunc.parametrize(("chaos_seed", "chaos_rounds"), _runs(metafunc.config))


def _runs(config: pytest.Config) -> list[tuple[int, int]]:
    seed, rounds = config.getoption("--chaos-seed"), config.getoption("--chaos-rounds")
    if seed is None and rounds is None:
        return list(FIXED)
    return [(seed if seed is not None else SystemRandom().randrange(10**6), rounds or FIXED[0][1])]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A round that hangs must not hang the run; what is thorough belongs to runs of chaos alone."""
    if config.getoption("--chaos-rounds") is None:
        thorough = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=thorough)
        items[:] = [item for item in items if item not in thorough]
    for item in items:
        call = getattr(item, "callspec", None)
        if call is not None and "chaos_rounds" in call.params:
            item.add_marker(pytest.mark.timeout(300 + SECONDS_FOR_A_ROUND * call.params["chaos_rounds"]))


@pytest.fixture(scope="module")
def toy_events() -> Iterator[None]:
    with toy.registered():
        yield


@pytest.fixture
async def service(toy_events: None, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Toy]:
    """No worker runs but those that a test starts."""
    for name, value in environment(servers, 0).items():
        monkeypatch.setenv(name, value)
    await kafka.ensure_topics(servers.kafka, toy.TOPICS)
    async with runtime(toy.ToySettings()) as running:
        yield Toy(running, f"c{uuid4().hex[:8]}")


@pytest.fixture
async def world(service: Toy, servers: Servers) -> World:
    """What the toy's servers hold from here on."""
    found = World(service.running, {toy.SERVICE: toy.SPEC}, servers.root / "mail" if servers.root else None)
    await found.begin()
    return found
