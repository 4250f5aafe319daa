"""Which paths exist from outside, and disguises of them."""

import pytest

from tests.integration.security.gateway.rig import HOME, Edge, Mint, Upstream, is_problem

pytestmark = [pytest.mark.servers, pytest.mark.timeout(90)]


@pytest.mark.parametrize(
    "path",
    [
        "/api/portal/v1/.well-known/jwks.json",
        "/api/portal/v1/oauth/token",
        "/api/portal/v1/token/refresh",
        "/api/portal/v1/openapi.json",
        "/api/referral/v1/openapi.json",
        "/api/messaging/v1/webhooks/twilio/status",
    ],
)
def test_public_routes_need_no_token(door: Edge, path: str) -> None:
    assert door.ask(path).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/livez", "/readyz", "/metrics", "/api/", "/api/nobody/v1/x", "/stats", "/mailbox/"]
)
def test_asvs_13_4_5_health_metrics_and_unknown_paths_are_not_here(door: Edge, service: Upstream, path: str) -> None:
    is_problem(door.ask(path), 404, "no-such-route")
    assert path not in service.requests


@pytest.mark.parametrize(
    "path",
    [
        "/api/portal/v1/login/../clients",
        "/api/portal/v1/.well-known/%2e%2e/clients",
        "/api/portal/v1/.well-known/..%2fclients",
        "/api/portal/v1/.well-known/%2e%2e%2fclients",
        "/api/portal/v1/.well-known/..%5cclients",
        "/api//portal//v1//clients",
        "/api/messaging/v1/webhooks/../conversations",
        "/api/portal/v1/login%00",
    ],
)
def test_a_disguised_path_does_not_reach_a_route_that_needs_a_token(door: Edge, path: str) -> None:
    answer = door.ask(path)
    assert answer.status in {400, 401}
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_service_gets_the_path_that_was_checked(door: Edge, mint: Mint) -> None:
    answer = door.ask("/api//portal/v1/x/%2e%2e/clients?next=%2e%2e%2f", mint.token())
    assert answer.json["path"] == "/api/portal/v1/clients?next=%2e%2e%2f"


def test_headers_with_underscores_are_refused(door: Edge, mint: Mint) -> None:
    assert door.ask(HOME, mint.token(), headers={"x_vetwire_role": "operator"}).status == 400
