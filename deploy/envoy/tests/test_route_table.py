"""The route tables as data: what they open, and that no route hides another."""

import re
from itertools import pairwise

import pytest

from deploy.envoy.gateway import ROUTE_TABLE
from shared.chassis.routes import GIB, MIB, Route

EVERY_ROUTE = [(name, route) for name, routes in ROUTE_TABLE.items() for route in routes]

PUBLIC = {
    "/api/messaging/v1/openapi.json",
    "/api/messaging/v1/webhooks/",
    "/api/pims-sync/v1/openapi.json",
    "/api/portal/v1/.well-known/",
    "/api/portal/v1/activations",
    "/api/portal/v1/login",
    "/api/portal/v1/logout",
    "/api/portal/v1/oauth/token",
    "/api/portal/v1/openapi.json",
    "/api/portal/v1/token/refresh",
    "/api/referral/v1/openapi.json",
    "/api/scheduling/v1/openapi.json",
}


def _route(service: str, path: str) -> Route:
    return next(route for route in ROUTE_TABLE[service] if route.covers(path))


def test_api5_the_public_routes_are_these_and_no_others() -> None:
    assert {route.path for _, route in EVERY_ROUTE if route.access == "public"} == PUBLIC


@pytest.mark.parametrize("name", ROUTE_TABLE)
def test_a_service_opens_its_own_paths_only_and_ends_with_the_rule_for_the_rest(name: str) -> None:
    assert all(route.path.startswith(f"/api/{name}/v1/") for route in ROUTE_TABLE[name])
    assert ROUTE_TABLE[name][-1] == Route(path=f"/api/{name}/v1/")


@pytest.mark.parametrize("name", ROUTE_TABLE)
def test_no_route_is_hidden_by_one_before_it(name: str) -> None:
    samples = [re.sub(r"\{[a-z_]+\}", "some-id", route.path) for route in ROUTE_TABLE[name]]
    for route, sample in zip(ROUTE_TABLE[name], samples, strict=True):
        assert _route(name, sample) is route


def test_asvs_13_4_5_health_and_metrics_are_on_no_route() -> None:
    for inside in ("/livez", "/readyz", "/metrics", "/", "/api/", "/api/portal/"):
        assert not [route.path for _, route in EVERY_ROUTE if route.covers(inside)]


def test_a_placeholder_stands_for_one_segment() -> None:
    live = "/api/referral/v1/clinics/{}/live"
    assert _route("referral", live.format("clinic-a")).live
    assert not _route("referral", live.format("clinic-a/more")).live
    assert not _route("referral", live.format("")).live


def test_a_dot_in_a_path_is_a_dot() -> None:
    assert not Route(path="/a/{b}/c.d").covers("/a/x/cxd")


def test_only_the_drop_of_a_practice_system_may_be_large() -> None:
    large = [route for _, route in EVERY_ROUTE if route.max_body_bytes > MIB]
    assert [(route.path, route.max_body_bytes, route.upload, route.timeout_seconds) for route in large] == [
        ("/api/pims-sync/v1/clinics/{clinic}/runs/{run}/files/", GIB, True, 1800)
    ]


def test_doors_that_take_secrets_allow_few_tries() -> None:
    tries = [_route("portal", f"/api/portal/v1/{door}").rate_per_minute for door in ("activations", "login")]
    assert tries == [20, 30]
    assert all(lower <= higher for lower, higher in pairwise([*tries, 60]))
