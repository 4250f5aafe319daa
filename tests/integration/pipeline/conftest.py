"""A toy service on real servers: its worker is a process of its own, which tests may kill."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import httpx2
import pytest

from deploy.embedded.ports import free_port
from ops.vetwire import asking
from shared.chassis import clock, kafka
from shared.chassis.event_store import Append
from shared.chassis.mongo import Document
from shared.chassis.runtime import Runtime, runtime
from shared.events.base import Event
from shared.events.envelope import Actor, Metadata
from shared.testing.embedded_stack import PROJECT
from shared.testing.running import Servers, wait_until
from shared.testing.tokens import Mint
from tests.integration.pipeline import toy

if TYPE_CHECKING:
    from tests.integration.pipeline.operators import Operator


class ToyWorker:
    """The worker's process: of the toy itself, or of another module that runs it with variables of its own."""

    def __init__(
        self, servers: Servers, log: Path, module: str = "tests.integration.pipeline.toy", **variables: str
    ) -> None:
        self._environment = environment(servers, free_port()) | variables
        self._module = module
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._environment['VETWIRE_PORT']}"

    def start(self) -> None:
        self.launch()
        wait_until(lambda: self._answers("/readyz"), 60, f"the toy worker, see {self._log}")

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Start it without its being ready: it answers for its health, and does what it can."""
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                cwd=PROJECT,
                env={**os.environ, **self._environment},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: self._answers("/livez"), 60, f"the toy worker, see {self._log}")

    def ended(self, within: float = 120) -> int:
        """Its exit code, when it ends by itself."""
        assert self._process is not None
        return self._process.wait(within)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(20)

    def _answers(self, path: str) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the worker ended: {self._log.read_text()}"
        try:
            return httpx2.get(f"{self.url}{path}", timeout=2).status_code == 200
        except httpx2.TransportError:
            return False


@dataclass(frozen=True)
class Toy:
    """The toy service's connections and a clinic of its own for each test."""

    running: Runtime
    clinic: str

    def stream(self, local_id: str) -> str:
        return f"tally-{self.clinic}.{local_id}"

    async def append(self, stream: str, expected: int, *events: Event, ids: list[UUID] | None = None) -> int:
        numbered = list(zip(ids or [uuid4() for _ in events], events, strict=True))
        return await self.running.store.append(Append(stream, expected, numbered, metadata(self.clinic)))

    async def count(self, local_id: str, *steps: int, after: int = -1) -> int:
        events = [toy.Counted(clinic_id=self.clinic, step=step, keeper="somebody") for step in steps]
        return await self.append(self.stream(local_id), after, *events)

    async def document(self, local_id: str) -> Document | None:
        found: Document | None = await self.running.db["tallies"].find_one({"_id": f"{self.clinic}.{local_id}"})
        return found


def metadata(clinic: str) -> Metadata:
    return Metadata(
        clinic_id=clinic,
        actor=Actor(kind="system", id="test"),
        command_id=uuid4(),
        correlation_id="test",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        recorded_at=clock.now(),
    )


def environment(servers: Servers, port: int) -> dict[str, str]:
    return {
        "VETWIRE_EVENTSTORE": servers.eventstore,
        "VETWIRE_KAFKA": servers.kafka,
        "VETWIRE_MONGODB": servers.mongodb,
        "VETWIRE_SMTP": servers.mailbox.get("smtp", "127.0.0.1:1025"),
        "VETWIRE_PORT": str(port),
        "VETWIRE_LOG_LEVEL": "WARNING",
    }


async def eventually(ask: Callable[[], Awaitable[object]], within: float = 30.0) -> None:
    """Ask until the answer is true. AssertionError after `within` seconds."""
    end = monotonic() + within
    while not await ask():
        assert monotonic() < end, f"not within {within} s"
        await asyncio.sleep(0.02)


@pytest.fixture(scope="session", autouse=True)
def toy_events() -> Iterator[None]:
    with toy.registered():
        yield


@pytest.fixture(scope="session")
def worker(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToyWorker]:
    asyncio.run(kafka.ensure_topics(servers.kafka, toy.TOPICS))
    process = ToyWorker(servers, tmp_path_factory.mktemp("toy") / "worker.log")
    process.start()
    yield process
    process.stop()


@pytest.fixture
async def service(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Toy]:
    for name, value in environment(servers, 0).items():
        monkeypatch.setenv(name, value)
    await kafka.ensure_topics(servers.kafka, toy.TOPICS)
    async with runtime(toy.ToySettings()) as running:
        yield Toy(running, f"c{uuid4().hex[:8]}")


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Makes tokens that the operators' command trusts, by role."""
    mint = Mint()
    monkeypatch.setattr(asking, "trusted_issuers", lambda _settings: mint.verifier())
    return lambda role: mint.token(role, ("*",) if role == "operator" else ("elm",))


@pytest.fixture
async def operator(service: Toy) -> "Operator":
    """On a service without what other tests have parked."""
    from tests.integration.pipeline.operators import Operator

    await service.running.db["parked"].delete_many({})
    await service.running.db["outbox"].delete_many({"state": "failed"})
    return Operator()
