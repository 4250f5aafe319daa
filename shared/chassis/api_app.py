"""Every API process is built and served here (design 15, 22)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import FrameType
from typing import Any

import uvicorn
import uvloop
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts

from shared.chassis.auth import Verifier, check_access_is_declared, jwks_at
from shared.chassis.body_limit import BodyLimit
from shared.chassis.crash_points import arm
from shared.chassis.edge import Edge
from shared.chassis.health import Health
from shared.chassis.heap import settle
from shared.chassis.idempotency import Replayed, replay
from shared.chassis.logs import set_up_logging
from shared.chassis.openapi import PROBLEM, document_what_is_sent, operation_id
from shared.chassis.problems import install_problems
from shared.chassis.settings import ChassisSettings
from shared.chassis.sse import LiveFeeds
from shared.chassis.telemetry import set_up_tracing, shut_down_tracing

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
GRACE_SECONDS = 7
NO_TELEMETRY_OF_ITS_OWN: Any = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}


def create_api(
    settings: ChassisSettings,
    routers: Sequence[APIRouter],
    *,
    lifespan: Lifespan | None = None,
    refusals: Mapping[str, int] | None = None,
    verifier: Verifier | None = None,
    state: Mapping[str, Any] | None = None,
) -> FastAPI:
    """The app of `settings.service`; routers are mounted under `/api/<service>/v1`.

    `refusals` maps codes of `Refused` to a status other than 409. `app.state` holds `settings`, `verifier`, `health`,
    `live` and `token_secret`; what else routes need (`idempotency`, a runtime) `lifespan` puts there, or `state` at
    once: fakes, in tests. Raises `UndeclaredAccess` unless every route says who may call it.
    """
    health, live = Health(settings.service), LiveFeeds(settings.service)
    health.on_drain(live.close)
    base = f"/api/{settings.service}/v1"
    app = FastAPI(
        title=f"Vetwire {settings.service}",
        version="1",
        openapi_url=f"{base}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(health, live, lifespan),
        telemetry=NO_TELEMETRY_OF_ITS_OWN,
        generate_unique_id_function=operation_id,
        responses=PROBLEM,
    )
    for router in routers:
        app.include_router(router, prefix=base)
    app.router.routes.extend(health.routes())
    document_what_is_sent(app)
    check_access_is_declared(app)
    install_problems(app, refusals or {})
    app.add_exception_handler(Replayed, replay)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    app.add_middleware(Edge, service=settings.service, health=health, templates=_templates(app))
    _fill_state(app, settings, {"health": health, "live": live, "verifier": verifier, **(state or {})})
    return app


def _fill_state(app: FastAPI, settings: ChassisSettings, given: Mapping[str, Any]) -> None:
    app.state.settings = settings
    app.state.token_secret = settings.token_secret_bytes
    for name, value in given.items():
        setattr(app.state, name, value)
    if app.state.verifier is None:
        app.state.verifier = trusted_issuers(settings)


def trusted_issuers(settings: ChassisSettings) -> Verifier:
    """Our own issuer and those trusted by configuration, each with its key set's address."""
    urls = {**settings.trusted_issuers, settings.issuer: settings.jwks_url}
    return Verifier({issuer: jwks_at(url) for issuer, url in urls.items()}, settings.audience)


def serve(make_app: Callable[[], FastAPI], settings: ChassisSettings) -> None:
    """Run until SIGTERM: first not ready, then no new connections, then finish what is in flight; below 10 s in all."""
    arm(settings.crash_point, settings.env)
    set_up_logging(settings.service, settings.env, settings.log_level)
    set_up_tracing(settings.service, settings.env, settings.otlp_endpoint)
    app = make_app()
    config = uvicorn.Config(
        app,
        host=settings.bind,
        port=settings.port,
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    try:
        uvloop.run(_Server(config, app.state.health, settings.drain_seconds).serve())
    finally:
        shut_down_tracing()


class _Server(uvicorn.Server):
    """A first signal starts the drain, `drain_seconds` later the server stops; a second signal stops it at once."""

    def __init__(self, config: uvicorn.Config, health: Health, drain_seconds: float) -> None:
        super().__init__(config)
        self._health = health
        self._drain_seconds = drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: Any = None) -> None:
        """See uvicorn."""
        self._loop = asyncio.get_running_loop()
        settle()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Not kept in `_captured_signals`: a drained process ends with 0, not by the signal."""
        if self._health.draining or self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._drain, self._loop)

    def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        self._health.drain()
        loop.call_later(self._drain_seconds, setattr, self, "should_exit", True)


def _lifespan(health: Health, live: LiveFeeds, inner: Lifespan | None) -> Lifespan:
    @asynccontextmanager
    async def nothing(_app: FastAPI) -> AsyncIterator[None]:
        yield

    @asynccontextmanager
    async def around(app: FastAPI) -> AsyncIterator[None]:
        async with health.heartbeat(), (inner or nothing)(app):
            try:
                yield
            finally:
                await live.stop()

    return around


def _templates(app: FastAPI) -> dict[object, str]:
    return {context.endpoint: context.path_format or "" for context in iter_route_contexts(app.routes)}
