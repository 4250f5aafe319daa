"""A toy service on servers that are this folder's own, so that tests may kill, wipe and starve them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest

from shared.chassis import kafka
from shared.chassis.runtime import runtime
from shared.testing.embedded_stack import embedded_servers
from shared.testing.running import Servers, StackUnavailable
from shared.testing.stacks import provided, unavailable
from tests.integration.faults.brokers import COPIES, Brokers
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker, environment


@dataclass(frozen=True)
class Stack:
    """The servers as services see them, and the brokers as processes."""

    servers: Servers
    brokers: Brokers


@pytest.fixture(scope="package", autouse=True)
def toy_events() -> Iterator[None]:
    with toy.registered():
        yield


@pytest.fixture(scope="package")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    try:
        started = Brokers(tmp_path_factory.mktemp("brokers"))
    except StackUnavailable as reason:
        unavailable(str(reason))
    started.start()
    yield started
    started.kill()


@pytest.fixture(scope="package")
def stack(
    request: pytest.FixtureRequest, brokers: Brokers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    asyncio.run(brokers.ready())
    started = embedded_servers(tmp_path_factory.mktemp("servers"), brokers.bootstrap)
    for servers in provided(request.config, started):
        yield Stack(servers, brokers)


@pytest.fixture(scope="package")
def toy_worker(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToyWorker]:
    asyncio.run(kafka.ensure_topics(stack.servers.kafka, toy.TOPICS, COPIES))
    process = ToyWorker(stack.servers, tmp_path_factory.mktemp("toy") / "worker.log")
    yield process
    if process.is_alive:
        process.stop()


@pytest.fixture
def living(stack: Stack) -> Stack:
    """All brokers run, whatever the test before left."""
    stack.brokers.revive()
    asyncio.run(stack.brokers.ready())
    return stack


@pytest.fixture
def worker(living: Stack, toy_worker: ToyWorker) -> ToyWorker:
    """It runs, whatever the test before left."""
    if not toy_worker.is_alive:
        toy_worker.start()
    return toy_worker


@pytest.fixture
async def service(living: Stack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Toy]:
    for name, value in environment(living.servers, 0).items():
        monkeypatch.setenv(name, value)
    await kafka.ensure_topics(living.servers.kafka, toy.TOPICS, COPIES)
    async with runtime(toy.ToySettings()) as running:
        yield Toy(running, f"c{uuid4().hex[:8]}")
