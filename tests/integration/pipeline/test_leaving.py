"""How a worker ends, and how the next one takes its place (ADR 14)."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer

from shared.chassis import kafka
from shared.chassis.membership import take_over
from shared.testing.embedded_stack import embedded_servers
from shared.testing.running import RunningSystem, Servers
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import ToyWorker

pytestmark = [pytest.mark.anyio, pytest.mark.servers]
ENDS_WITHIN = 10.0


class OwnServers:
    """Three servers that a test may harm; noida-db whatever the run's broker is, as it starts in a second."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self._system = RunningSystem("", {}, servers.root)
        self._frozen: list[int] = []

    def freeze(self, *names: str) -> None:
        """They keep their connections and answer nothing any more."""
        for name in names:
            self._frozen.append(self._system.pid(name))
            os.kill(self._frozen[-1], signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self._frozen:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnServers]:
    for servers in embedded_servers(tmp_path, "noida"):
        asyncio.run(kafka.ensure_topics(servers.kafka, toy.TOPICS))
        mine = OwnServers(servers)
        yield mine
        mine.thaw()


def test_sigterm_ends_a_worker_in_time_though_no_server_answers(own: OwnServers, tmp_path: Path) -> None:
    worker = ToyWorker(own.servers, tmp_path / "worker.log")
    worker.start()
    own.freeze("kafka", "mongodb", "eventstore")
    began = monotonic()
    assert worker.stop() == 0
    assert monotonic() - began < ENDS_WITHIN


def test_sigterm_ends_a_worker_in_time_that_never_reached_kafka(own: OwnServers, tmp_path: Path) -> None:
    own.freeze("kafka")
    worker = ToyWorker(own.servers, tmp_path / "worker.log")
    worker.launch()
    began = monotonic()
    assert worker.stop() == 0
    assert monotonic() - began < ENDS_WITHIN


async def test_a_successor_removes_from_the_group_who_had_its_name_and_nobody_else(servers: Servers) -> None:
    await kafka.ensure_topics(servers.kafka, toy.TOPICS)
    group = f"g{uuid4().hex[:8]}"
    async with asyncio.timeout(60):
        member = AIOKafkaConsumer(
            toy.TOPICS[0].name,
            bootstrap_servers=servers.kafka,
            group_id=group,
            client_id="dead",
            enable_auto_commit=False,
        )
        await member.start()
        assert await take_over(servers.kafka, group, "nobody") == 0
        assert await take_over(servers.kafka, group, "dead") == 1
        await member.stop()
