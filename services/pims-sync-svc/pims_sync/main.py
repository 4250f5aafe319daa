"""The API of pims-sync-svc."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from pims_sync.api import files, queries, runs
from pims_sync.intake.records import MongoRecords
from pims_sync.projections.client_record import client_records
from pims_sync.projections.patient_record import patient_records
from pims_sync.projections.rejected_rows import rejected_rows
from pims_sync.projections.sync_feed import sync_feeds
from pims_sync.settings import PimsSyncSettings
from shared.chassis.api_app import create_api, serve
from shared.chassis.as_of import as_of_router
from shared.chassis.auth import Verifier
from shared.chassis.endpoints import connected

ROUTERS = (
    runs.router,
    files.router,
    queries.router,
    as_of_router((client_records, patient_records, sync_feeds, rejected_rows)),
)
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
