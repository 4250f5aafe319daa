"""The API of pims-sync-svc."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from pims_sync.api import files, queries, runs
from pims_sync.intake.records import MongoRecords
from pims_sync.settings import PimsSyncSettings
from shared.chassis.api_app import create_api, serve
from shared.chassis.auth import Verifier
from shared.chassis.endpoints import connected

ROUTERS = (runs.router, files.router, queries.router)
REFUSALS = {"not-found": 404}


def build(
    settings: PimsSyncSettings, verifier: Verifier | None = None, state: Mapping[str, Any] | None = None
) -> FastAPI:
    """The app; with `state` (see `create_api`; here also `records`) it opens no connections of its own."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with connected(settings)(app):
            app.state.records = MongoRecords(app.state.runtime)
            yield

    own = lifespan if state is None else None
    return create_api(settings, ROUTERS, lifespan=own, refusals=REFUSALS, verifier=verifier, state=state)


if __name__ == "__main__":
    configuration = PimsSyncSettings()
    serve(lambda: build(configuration), configuration)
