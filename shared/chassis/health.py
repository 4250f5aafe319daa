"""`/livez`, `/readyz`, `/metrics` of every process, API or worker (design 22)."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Check = Callable[[], Awaitable[object]]
BEAT_SECONDS = 1.0
STALL_SECONDS = 10.0
NO_STORE = {"Cache-Control": "no-store"}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Named:
    check: Check
    timeout: float


class Health:
    """Named checks with time-outs. A check passes by returning and fails by raising; what it raised is only logged."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._checks: dict[str, _Named] = {}
        self._on_drain: list[Callable[[], None]] = []
        self._draining = False
        self._last_beat = time.monotonic()

    @property
    def draining(self) -> bool:
        """True from the moment `drain` was called."""
        return self._draining

    def add(self, name: str, check: Check, timeout: float = 2.0) -> None:
        """Readiness needs `check` within `timeout` seconds."""
        self._checks[name] = _Named(check, timeout)

    def on_drain(self, action: Callable[[], None]) -> None:
        """Call `action` when draining starts, for what would otherwise stay open (live streams)."""
        self._on_drain.append(action)

    def drain(self) -> None:
        """From now on not ready, so that the balancer looks elsewhere. Repeating it changes nothing."""
        if not self._draining:
            self._draining = True
            for action in self._on_drain:
                action()

    @asynccontextmanager
    async def heartbeat(self) -> AsyncIterator[None]:
        """Beats while the event loop turns; without it `/livez` tells nothing about stalls."""
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def beat(self) -> None:
        """One beat, for processes whose loop is not ours."""
        self._last_beat = time.monotonic()

    async def _beat(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(BEAT_SECONDS)

    def routes(self) -> list[Route]:
        """`/livez`, `/readyz`, `/metrics`: at the root, never routed by the gateway."""
        return [
            Route("/livez", self._livez),
            Route("/readyz", self._readyz),
            Route("/metrics", _metrics),
        ]

    async def _livez(self, _request: Request) -> Response:
        age = time.monotonic() - self._last_beat
        body = {"service": self._service, "beat_age_seconds": round(age, 3)}
        return JSONResponse(body, 200 if age < STALL_SECONDS else 503, NO_STORE)

    async def _readyz(self, _request: Request) -> Response:
        results = await asyncio.gather(*(self._passes(name) for name in self._checks))
        checks = dict(zip(self._checks, results, strict=True))
        ready = not self._draining and all(checks.values())
        body = {"service": self._service, "ready": ready, "draining": self._draining, "checks": checks}
        return JSONResponse(body, 200 if ready else 503, NO_STORE)

    async def _passes(self, name: str) -> bool:
        named = self._checks[name]
        try:
            await asyncio.wait_for(named.check(), named.timeout)
        except Exception as error:
            log.warning("check-failed", check=name, error=type(error).__name__)
            return False
        return True


async def _metrics(_request: Request) -> Response:
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST, **NO_STORE})


def health_app(health: Health) -> Starlette:
    """A small app with those routes only, for workers; its lifespan keeps the heartbeat."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with health.heartbeat():
            yield

    return Starlette(routes=health.routes(), lifespan=lifespan)
