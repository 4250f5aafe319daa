"""The real servers under the real supervisor: they serve, and come back after kill -9 with what they acknowledged."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pymongo import MongoClient, WriteConcern

from deploy.embedded import probes
from deploy.embedded.options import PROJECT
from deploy.embedded.ports import free_port
from deploy.embedded.servers import main
from shared.chassis.kafka import ensure_topics
from shared.events.topics import TOPICS
from shared.testing.embedded_stack import embedded_servers
from shared.testing.running import RunningSystem, Servers
from shared.testing.stacks import provided

pytestmark = [pytest.mark.servers, pytest.mark.anyio]
TOPIC = TOPICS[0].name


@pytest.fixture(scope="module")
def own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers of this module alone, because it kills them."""
    broker = str(request.config.getoption("--broker"))
    yield from provided(request.config, embedded_servers(tmp_path_factory.mktemp("own"), broker))


@pytest.fixture(scope="module")
def apache(own: Servers) -> Servers:
    """noida-db saves in the background and may lose its newest records: what follows holds for Apache Kafka."""
    if own.real[1]["name"] != "Apache Kafka":
        pytest.skip("the broker of this run is not Apache Kafka")
    return own


def watcher(servers: Servers) -> RunningSystem:
    return RunningSystem("", {}, servers.root)


def kill_and_wait(servers: Servers, component: str) -> None:
    seen = watcher(servers)
    before = seen.component(component)["restarts"]
    os.kill(seen.pid(component), signal.SIGKILL)
    seen.wait_until_restarted(component, before)


async def produce(servers: Servers, values: list[bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers.kafka, enable_idempotence=True) as producer:
        sent = [await producer.send(TOPIC, value, key=value) for value in values]
        await asyncio.gather(*sent)


async def consume(servers: Servers, at_least: int) -> list[bytes]:
    found: list[bytes] = []
    async with AIOKafkaConsumer(TOPIC, bootstrap_servers=servers.kafka, auto_offset_reset="earliest") as consumer:
        async with asyncio.timeout(30):
            while len(found) < at_least:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [record.value for record in records]
    return found


async def test_topics_are_made_once(own: Servers) -> None:
    await ensure_topics(own.kafka)
    assert await ensure_topics(own.kafka) == []


async def test_what_the_broker_acknowledged_survives_kill_9(apache: Servers) -> None:
    await ensure_topics(apache.kafka)
    values = [f"before-{number}".encode() for number in range(5000)]
    await produce(apache, values)
    kill_and_wait(apache, "kafka")
    await produce(apache, [b"after"])
    found = await consume(apache, len(values) + 1)
    assert sorted(found) == sorted([*values, b"after"])


async def test_journaled_writes_of_mongodb_survive_kill_9(own: Servers) -> None:
    with MongoClient[dict[str, object]](own.mongodb) as client:
        journaled = client["portal"].get_collection("rows", write_concern=WriteConcern("majority", j=True))
        for number in range(200):
            journaled.insert_one({"_id": number})
        kill_and_wait(own, "mongodb")
        assert client["portal"]["rows"].count_documents({}) == 200


async def test_mongodb_offers_change_streams_and_transactions(own: Servers) -> None:
    with MongoClient[dict[str, object]](own.mongodb) as client:
        rows = client["portal"]["watched"]
        with rows.watch() as changes:
            with client.start_session() as session, session.start_transaction():
                rows.insert_one({"_id": 1}, session=session)
            assert next(changes)["documentKey"] == {"_id": 1}


async def test_a_run_says_which_servers_it_has(own: Servers) -> None:
    assert own.root is not None
    written = json.loads((own.root / "endpoints.json").read_text())
    assert [each["kind"] for each in written["servers"]] == ["embedded"] * 3
    assert [each["address"] for each in written["servers"]] == [own.eventstore, own.kafka, own.mongodb]


async def test_only_one_supervisor_runs_under_a_root(own: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(own.root), "--any-ports"]) == 1
    assert "already run" in capsys.readouterr().err


@pytest.mark.parametrize("component", ["eventstore", "mailbox"])
async def test_every_server_comes_back_after_kill_9(own: Servers, component: str) -> None:
    kill_and_wait(own, component)


@pytest.fixture
def without_jars(tmp_path: Path) -> Iterator[int]:
    """Kafka's launcher on a machine that has no jars and no way out; the value is its port."""
    port = free_port()
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": ""}
    env = {**os.environ, **nowhere, "XDG_CACHE_HOME": str(tmp_path / "cache"), "M2_REPO": str(tmp_path / "m2")}
    place = ("--port", str(port), "--controller-port", str(free_port()), "--data", str(tmp_path))
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "deploy.embedded.kafka", *place], env=env, cwd=PROJECT, stdout=log, stderr=log
        ) as launcher,
    ):
        yield port
        launcher.kill()


async def test_without_the_jars_and_without_a_network_noida_stands_in_and_says_so(
    without_jars: int, tmp_path: Path
) -> None:
    async with asyncio.timeout(60):
        await probes.until_it_passes(probes.kafka("127.0.0.1", without_jars))
    told = json.loads((tmp_path / "broker.json").read_text())
    assert told["name"] == "noida-db"
    assert "jars are not to be had" in told["note"]
    assert "WARNING" in (tmp_path / "log").read_text()
