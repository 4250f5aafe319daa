"""An app of a made-up service, a mint for its tokens, and a MongoDB server for the tests that need one."""

import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import structlog
from fastapi import APIRouter
from fastapi.testclient import TestClient
from structlog import ReturnLoggerFactory

from shared.chassis.api_app import create_api
from shared.chassis.clock import new_id
from shared.chassis.logs import without_set_up
from shared.chassis.mongo import Database, connect
from shared.chassis.mongo import database as mongo_database
from shared.chassis.settings import ChassisSettings
from shared.testing.idempotency import MemoryIdempotencyStore
from shared.testing.stacks import USED
from shared.testing.tokens import Mint

MakeClient = Callable[..., TestClient]


class DemoSettings(ChassisSettings):
    service = "demo"


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    """What a test provokes is not for the report."""
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()], logger_factory=ReturnLoggerFactory())
    yield
    without_set_up()


@pytest.fixture
def mint() -> Mint:
    return Mint()


@pytest.fixture
def make_client(mint: Mint) -> Iterator[MakeClient]:
    """`make_client(router, ...)`: a started app of the service `demo`; what is given beyond goes to `create_api`."""
    with ExitStack() as stack:

        def make(*routers: APIRouter, settings: ChassisSettings | None = None, **options: Any) -> TestClient:
            options.setdefault("state", {"idempotency": MemoryIdempotencyStore()})
            app = create_api(settings or DemoSettings(), routers, verifier=mint.verifier(), **options)
            return stack.enter_context(TestClient(app))

        yield make


@pytest.fixture(scope="session")
def mongodb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a MongoDB server: of the stack that was asked for, or a small one that ends with the test run."""
    if request.config.getoption("--stack") != "embedded":
        yield request.getfixturevalue("servers").mongodb
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = str(Path(sys.executable).with_name("secantusd-py"))
    storage = str(tmp_path_factory.mktemp("mongodb"))
    command = [server, "--port", str(port), "--storage-path", storage, "--cache-size", "64M", "--log-level", "ERROR"]
    with subprocess.Popen(command) as process:
        try:
            _wait_for(port, process)
            request.config.stash[USED].append(f"MongoDB: secantusd-py at 127.0.0.1:{port}, of the tests' own")
            yield f"mongodb://127.0.0.1:{port}/?retryWrites=false&directConnection=true"
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = monotonic() + 20
    while process.poll() is None and monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.05)
    raise RuntimeError("the MongoDB server did not start")


@pytest.fixture
async def database(mongodb: str, anyio_backend: str) -> AsyncIterator[Database]:
    """An empty database of the test's own."""
    client = connect(mongodb)
    name = f"test-{new_id()[:12]}"
    yield mongo_database(client, name)
    await client.drop_database(name)
    client.close()
