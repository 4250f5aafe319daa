"""A service for `test_serve`: `python -m shared.chassis.tests.served_demo`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI

from shared.chassis.api_app import create_api, serve
from shared.chassis.auth import public
from shared.chassis.settings import ChassisSettings


class Settings(ChassisSettings):
    service = "demo"


def make_app(settings: Settings) -> FastAPI:
    router = APIRouter(dependencies=[Depends(public)])

    @router.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(1.0)
        return "done"

    @router.get("/hanging")
    async def hanging() -> None:
        await asyncio.sleep(3600)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        print("started", flush=True)
        yield
        print("stopped", flush=True)

    return create_api(settings, [router], lifespan=lifespan)


if __name__ == "__main__":
    settings = Settings()
    serve(lambda: make_app(settings), settings)
