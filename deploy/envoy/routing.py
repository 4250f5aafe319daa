"""Routes: from the services' tables to Envoy's, with the limits of each."""

import json
import re

from deploy.envoy.gateway import Gateway, Json, seconds, typed
from deploy.envoy.rates import per_route
from deploy.envoy.replies import overwrite
from deploy.envoy.tokens import no_token_needed
from shared.chassis.routes import Route

JWT = "envoy.filters.http.jwt_authn"
RATE = "envoy.filters.http.local_ratelimit"
BODY = "envoy.filters.http.buffer"
CORS = "envoy.filters.http.cors"

CORS_REQUEST_HEADERS = (
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "traceparent",
)

# A service may be busy with what it was sent before it reads on.
UPLOAD_IDLE_SECONDS = 300

# Largest content-length a 64-bit range can name.
_BEYOND = 2**63 - 1


def route_config(gateway: Gateway) -> Json:
    """The whole table: the gateway's health, every service route, and an answer for everything else."""
    own = [_health(), *_mailbox(gateway)]
    theirs = [built for name, route in gateway.routes for built in _entries(gateway, name, route)]
    host: Json = {
        "name": "vetwire",
        "domains": ["*"],
        "routes": [*own, *theirs, _nothing_here()],
        "typed_per_filter_config": {CORS: _cors(gateway)},
    }
    return {"name": "vetwire", "virtual_hosts": [host]}


def _entries(gateway: Gateway, service: str, route: Route) -> list[Json]:
    """The refusal of a body declared too large, before a byte of it is read, and the route itself."""
    oversize = {"name": "content-length", "range_match": {"start": route.max_body_bytes + 1, "end": _BEYOND}}
    return [
        {
            "name": f"too-large:{route.path}",
            "match": {**_match(route), "headers": [oversize]},
            "direct_response": {"status": 413},
            "typed_per_filter_config": {JWT: no_token_needed(), BODY: _unbuffered()},
        },
        {
            "name": f"{service}:{route.path}",
            "match": _match(route),
            "route": _action(service, route),
            "typed_per_filter_config": _limits(gateway, service, route),
        },
    ]


def _match(route: Route) -> Json:
    if not route.literal:
        return {"safe_regex": {"regex": route.regex}}
    return {"prefix": route.path} if route.path.endswith("/") else {"path": route.path}


def _action(service: str, route: Route) -> Json:
    action: Json = {"cluster": service, "retry_policy": _retry()}
    if route.live:
        return {**action, "timeout": "0s", "idle_timeout": seconds(route.timeout_seconds)}
    return {
        **action,
        "idle_timeout": seconds(UPLOAD_IDLE_SECONDS if route.upload else route.timeout_seconds),
        # Not `timeout`, which starts only when the whole request is in: a slow sender counts too.
        "max_stream_duration": {"max_stream_duration": seconds(route.timeout_seconds)},
    }


def _retry() -> Json:
    """A service that restarts is away for a second or two: reads wait for it, writes are told at once."""
    return {
        "retry_on": "connect-failure,refused-stream,reset-before-request",
        "num_retries": 6,
        "retriable_request_headers": [{"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}],
        "retry_back_off": {"base_interval": "0.2s", "max_interval": "1s"},
    }


def _limits(gateway: Gateway, service: str, route: Route) -> Json:
    limits = {RATE: per_route(_counter(route), route, gateway.rate_factor), BODY: _body(route)}
    return limits if route.access == "token" else {**limits, JWT: no_token_needed()}


def _counter(route: Route) -> str:
    """The route's name among the metrics, e.g. `api_portal_v1_oauth_token`."""
    return "_".join(re.findall(r"[a-z0-9]+", route.path))


def _body(route: Route) -> Json:
    if route.upload:
        return _unbuffered()
    limit = {"max_request_bytes": max(1, route.max_body_bytes)}
    return typed("envoy.extensions.filters.http.buffer.v3.BufferPerRoute", buffer=limit)


def _unbuffered() -> Json:
    return typed("envoy.extensions.filters.http.buffer.v3.BufferPerRoute", disabled=True)


def _cors(gateway: Gateway) -> Json:
    """Browsers of the configured origins only; tokens travel in a header, so no credentials mode is needed."""
    return typed(
        "envoy.extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[{"exact": origin} for origin in gateway.origins],
        allow_methods="GET, HEAD, POST, PUT, PATCH, DELETE",
        allow_headers=", ".join(CORS_REQUEST_HEADERS),
        expose_headers="etag, link, location, retry-after, x-request-id",
        max_age="600",
    )


def _health() -> Json:
    """The gateway alone: it does not ask the services, whose own health is not reachable from outside."""
    return {
        "name": "gateway:/healthz",
        "match": {"path": "/healthz"},
        "direct_response": {"status": 200, "body": {"inline_string": json.dumps({"status": "ok"})}},
        "response_headers_to_add": [overwrite("content-type", "application/json")],
        "typed_per_filter_config": {JWT: no_token_needed()},
    }


def _mailbox(gateway: Gateway) -> list[Json]:
    """The development mail sink's pages; production has none."""
    if gateway.mailbox is None:
        return []
    return [
        {
            "name": "mailbox:/mailbox/",
            "match": {"prefix": "/mailbox/"},
            "route": {"cluster": "mailbox", "timeout": "15s"},
            "typed_per_filter_config": {JWT: no_token_needed()},
        }
    ]


def _nothing_here() -> Json:
    return {
        "name": "gateway:no-such-route",
        "match": {"prefix": "/"},
        "direct_response": {"status": 404},
        "typed_per_filter_config": {JWT: no_token_needed()},
    }
