"""Every API process is built and served here (design 15, 22)."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, FastAPI

from shared.chassis.auth import Verifier
from shared.chassis.health import Health
from shared.chassis.settings import ChassisSettings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_api(
    settings: ChassisSettings,
    routers: Sequence[APIRouter],
    *,
    lifespan: Lifespan | None = None,
    refusals: Mapping[str, int] | None = None,
    verifier: Verifier | None = None,
    health: Health | None = None,
    state: Mapping[str, Any] | None = None,
) -> FastAPI:
    """The app of `settings.service`; routers are mounted under `/api/<service>/v1`.

    `lifespan` puts what routes need on `app.state`; `state` does the same at once, for fakes in tests.
    """
    raise NotImplementedError


def serve(app: FastAPI, settings: ChassisSettings) -> None:
    """Run until SIGTERM: not ready, finish what is in flight, leave in less than 10 s."""
    raise NotImplementedError
