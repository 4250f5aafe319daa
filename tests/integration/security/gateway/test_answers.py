"""What every answer carries, and what the gateway tells about itself."""

import http.client
from dataclasses import replace

import pytest

from deploy.envoy.gateway import Gateway
from tests.integration.security.gateway.rig import HOME, Edge, Mint, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.timeout(90)]


def test_every_answer_carries_the_security_headers(door: Edge, mint: Mint) -> None:
    for answer in (door.ask(HOME, mint.token()), door.ask(HOME), door.ask("/nowhere"), door.ask("/healthz")):
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-request-id"]
        assert answer.headers.keys().isdisjoint({"server", "x-powered-by", "x-envoy-upstream-service-time"})


def test_a_service_may_allow_caching(door: Edge, mint: Mint) -> None:
    answer = door.ask("/api/portal/v1/cacheable", mint.token())
    assert answer.headers["cache-control"] == "max-age=60"


def test_the_trace_goes_on_and_the_request_id_is_the_gateways(door: Edge, mint: Mint) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = door.ask(HOME, mint.token(), headers={"traceparent": trace, "x-request-id": "mine"})
    seen = {name.lower(): value for name, value in answer.json["headers"].items()}
    assert seen["traceparent"] == trace
    assert seen["x-request-id"] == answer.headers["x-request-id"] != "mine"


def test_cors_lets_the_configured_origin_in_and_no_other(door: Edge) -> None:
    def preflight(origin: str) -> http.client.HTTPMessage | dict[str, str]:
        asked = {"origin": origin, "access-control-request-method": "POST"}
        return dict(door.ask(HOME, method="OPTIONS", headers=asked).headers)

    assert preflight("https://portal.example")["access-control-allow-origin"] == "https://portal.example"
    assert "access-control-allow-origin" not in preflight("https://evil.example")


def test_the_access_log_tells_neither_query_nor_token_nor_path(door: Edge, mint: Mint) -> None:
    token = mint.token()
    door.ask(f"{HOME}?phone=5550100", token, headers={"user-agent": "marker-agent"})
    wait_until(lambda: any(line["status"] == 200 for line in door.access_log()))
    text = door.log.read_text(encoding="utf-8")
    assert not [word for word in ("5550100", token, "marker-agent", "clinic-a", "127.0.0.1") if word in text]
    assert {"method", "route", "status", "request_id", "milliseconds"} <= door.access_log()[0].keys()


def test_the_metrics_door_serves_counters_and_nothing_else(door: Edge, gateway: Gateway) -> None:
    assert gateway.metrics is not None
    inner = replace(door, port=gateway.metrics.port)
    assert b"envoy_http_downstream_rq_total" in inner.ask("/stats/prometheus").body
    assert inner.ask("/quitquitquit", method="POST").status == 404
    assert inner.ask("/config_dump").status == 404
