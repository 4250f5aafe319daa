"""What surrounds every request: ids, trace, metrics, security headers, and an answer even to what nobody expected."""

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import suppress

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from shared.chassis.clock import new_id
from shared.chassis.health import Health
from shared.chassis.metrics import HTTP_REQUESTS, HTTP_SECONDS
from shared.chassis.problems import draining, unexpected
from shared.chassis.telemetry import SpanKind, failed, span_from

CORRELATION_HEADER = "x-request-id"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
QUIET = frozenset({"/livez", "/readyz", "/metrics"})
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")

log = structlog.get_logger(__name__)


class Edge:
    """Pure ASGI, the outermost layer of our own. `templates` maps an endpoint to its path template, for labels."""

    def __init__(self, app: ASGIApp, service: str, health: Health, templates: Mapping[object, str]) -> None:
        self._app = app
        self._service = service
        self._health = health
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """HTTP requests only; what answers the probes is not measured."""
        if scope["type"] != "http" or scope["path"] in QUIET:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(CORRELATION_HEADER, "")
        correlation_id = given if _SANE_ID.match(given) else new_id()
        with bound_contextvars(correlation_id=correlation_id):
            await self._traced(scope, receive, send, headers.get("traceparent"), correlation_id)

    async def _traced(
        self, scope: Scope, receive: Receive, send: Send, traceparent: str | None, correlation_id: str
    ) -> None:
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        answer = _Answer(send, {**SECURITY_HEADERS, "X-Request-Id": correlation_id}, self._health)
        started = time.perf_counter()
        asked = {"http.request.method": method, "url.scheme": scope.get("scheme", "http")}  # paths may quote somebody
        with span_from(traceparent, method, SpanKind.SERVER, asked) as span:
            try:
                await self._answered(scope, receive, answer)
            finally:
                route = self._templates.get(scope.get("endpoint"), "unmatched")
                span.update_name(f"{method} {route}")
                span.set_attributes({"http.route": route, "http.response.status_code": answer.status})
                failed(span, str(answer.status) if answer.status >= 500 else None)
                HTTP_REQUESTS.labels(self._service, method, route, str(answer.status)).inc()
                HTTP_SECONDS.labels(self._service, method, route).observe(time.perf_counter() - started)

    async def _answered(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            log.info("client-went-away")
        except asyncio.CancelledError:
            if self._health.draining and not answer.has_started:
                await draining().response()(scope, receive, answer.send)
            raise
        except Exception as error:
            problem = unexpected(error)
            if answer.has_started:
                raise
            with suppress(OSError):
                await problem.response()(scope, receive, answer.send)


class _Answer:
    """Passes a response on and adds the headers that it does not set itself."""

    def __init__(self, send: Send, headers: Mapping[str, str], health: Health) -> None:
        self._send = send
        self._headers = headers
        self._health = health
        self.status = 499
        self.has_started = False

    async def send(self, message: Message) -> None:
        """`status` stays 499 (the client went away) until a response starts."""
        if message["type"] == "http.response.start":
            self.has_started = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
            if self._health.draining:
                headers["Connection"] = "close"
        await self._send(message)
