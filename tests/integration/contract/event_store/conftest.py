"""The event store under test: one given by address, or the embedded server started for this run.

`VETWIRE_CONTRACT_EVENTSTORE=esdb://host:2113?tls=false pytest tests/integration/contract/event_store`
"""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest
from anyio.from_thread import start_blocking_portal
from esdbclient import AsyncEventStoreDBClient, EventStoreDBClient
from pydantic_settings import BaseSettings, SettingsConfigDict

from tests.integration.contract.event_store.clients import AsyncClient, Client, SyncClient

ROOT = Path(__file__).parents[4]
START_SECONDS = 20
USED = pytest.StashKey[str]()


class ContractSettings(BaseSettings):
    """Where the server under test is; empty starts the embedded one."""

    model_config = SettingsConfigDict(env_prefix="VETWIRE_CONTRACT_")

    eventstore: str = ""


@pytest.fixture(scope="session")
def event_store_uri(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    given = ContractSettings().eventstore
    request.config.stash[USED] = given or "the embedded server"
    if given:
        yield given
        return
    command = [sys.executable, "-m", "deploy.embedded.eventstore", "--port", "0", "--data"]
    data = tmp_path_factory.mktemp("event-store")
    with subprocess.Popen([*command, str(data)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        watchdog = Timer(START_SECONDS, server.kill)
        watchdog.start()
        ready = server.stdout.readline()
        watchdog.cancel()
        assert "ready on" in ready, f"the embedded event store did not start: {ready!r}"
        try:
            yield f"esdb://{ready.split()[-1]}?tls=false"
        finally:
            server.terminate()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if USED in config.stash:
        terminalreporter.write_line(f"event store contract: ran against {config.stash[USED]}")


@pytest.fixture(scope="module", params=["sync", "async"])
def client(request: pytest.FixtureRequest, event_store_uri: str) -> Iterator[Client]:
    """Every test runs through both clients: they use different calls for the same wishes."""
    if request.param == "sync":
        sync = EventStoreDBClient(event_store_uri)
        yield SyncClient(sync)
        sync.close()
        return
    with start_blocking_portal() as portal:
        asynchronous = AsyncEventStoreDBClient(event_store_uri)
        portal.call(asynchronous.connect)
        yield AsyncClient(asynchronous, portal)
        portal.call(asynchronous.close)


@pytest.fixture
def stream() -> str:
    """A name nobody has used, so that the suite can run against a server with history."""
    return f"contract-{secrets.token_hex(12)}"
