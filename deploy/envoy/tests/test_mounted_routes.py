"""The route tables beside the routers that the services mount: the edge and the service agree on what is public."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from deploy.envoy.gateway import ROUTE_TABLE
from shared.chassis.auth import public
from shared.chassis.routes import Route


def _routers(name: str) -> Iterator[APIRouter]:
    """The router of every module of a service's `api` package."""
    package = importlib.import_module(f"{name.replace('-', '_')}.api")
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        router = getattr(importlib.import_module(found.name), "router", None)
        if isinstance(router, APIRouter):
            yield router


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def _mounted(name: str) -> dict[str, bool]:
    """The paths of a service, and whether each is public."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    for router in _routers(name):
        app.include_router(router, prefix=f"/api/{name}/v1")
    contexts = [(route.path, getattr(route, "dependant", None)) for route in iter_route_contexts(app.routes)]
    return {path: public in _calls(needs) for path, needs in contexts if path and isinstance(needs, Dependant)}


def _route(name: str, path: str) -> Route:
    sample = path.replace("{", "").replace("}", "")
    return next(route for route in ROUTE_TABLE[name] if route.covers(sample))


@pytest.mark.parametrize("name", ROUTE_TABLE)
def test_api5_the_gateway_asks_for_a_token_exactly_where_the_service_does(name: str) -> None:
    mounted = _mounted(name)
    expected = {path: "public" if is_public else "token" for path, is_public in mounted.items()}
    assert {path: _route(name, path).access for path in mounted} == expected


@pytest.mark.parametrize("name", ROUTE_TABLE)
def test_what_is_called_live_has_no_time_limit_and_nothing_else_is_without(name: str) -> None:
    assert [path for path in _mounted(name) if _route(name, path).live != path.endswith("/live")] == []


def test_portals_doors_are_seen_here() -> None:
    """The comparison above is not one of nothing with nothing."""
    doors = {path for path, is_public in _mounted("portal").items() if is_public}
    assert {"/api/portal/v1/login", "/api/portal/v1/oauth/token", "/api/portal/v1/logout"} <= doors
