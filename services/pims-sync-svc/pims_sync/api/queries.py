"""Reading runs and the rows that were not taken."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from pims_sync.api.bodies import RejectAnswer, RunAnswer
from pims_sync.projections.rejected_rows import BATCH, local_id, rejected_rows
from pims_sync.projections.sync_feed import SyncRun, sync_feeds
from shared.chassis.auth import Identity, clinic_access
from shared.chassis.cursors import Page
from shared.chassis.endpoints import MadeId, Read
from shared.chassis.openapi import SHORT_LIST
from shared.chassis.problems import not_found
from shared.chassis.views import After, Seen, Views

router = APIRouter(prefix="/clinics/{clinic_id}/runs", tags=["runs"])
Reader = Annotated[Identity, Depends(clinic_access("pims", "staff", "operator"))]


@router.get("", response_model=list[RunAnswer], openapi_extra=SHORT_LIST)
async def list_runs(clinic_id: str, _who: Reader, views: Read, after: After) -> Sequence[SyncRun]:
    """The newest 50, newest first."""
    shown = await views.get(sync_feeds, clinic_id, after=after)
    return shown.view.runs if shown else ()


@router.get("/{run_id}", response_model=RunAnswer)
async def read_run(clinic_id: str, run_id: MadeId, _who: Reader, views: Read, after: After) -> SyncRun:
    """One of the newest 50; 404 for any other."""
    return await _run(views, clinic_id, run_id, after)


@router.get("/{run_id}/rejects", response_model=list[RejectAnswer])
async def list_rejects(
    clinic_id: str, run_id: MadeId, _who: Reader, views: Read, page: Page, after: After, response: Response
) -> Sequence[RejectAnswer]:
    """The rows of the received files that were not taken: clients first, each file in its own order."""
    run = await _run(views, clinic_id, run_id, after)
    first = 0 if page.after is None else int(page.after) + 1
    found = await _rejects(views, clinic_id, run, first, page.read)
    numbered = list(enumerate(found, first))
    return [reject for _, reject in page.page(numbered, lambda row: row[0], response)]


async def _run(views: Views, clinic_id: str, run_id: str, after: Seen | None) -> SyncRun:
    shown = await views.get(sync_feeds, clinic_id, after=after)
    run = shown.view.run(run_id) if shown else None
    if run is None:
        raise not_found()
    return run


async def _rejects(views: Views, clinic_id: str, run: SyncRun, first: int, limit: int) -> list[RejectAnswer]:
    """`limit` rows from number `first` (from 0) on; batches are full but for the last, so a number tells its batch."""
    found: list[RejectAnswer] = []
    for file in sorted(run.files, key=lambda file: file.entity):
        while first < file.rejected and len(found) < limit:
            batch, at = divmod(first, BATCH)
            shown = await views.get(rejected_rows, clinic_id, local_id(run.run_id, file.entity, batch))
            rows = shown.view.rejects[at : at + limit - len(found)] if shown else ()
            if not rows:
                return found
            found += [RejectAnswer(entity=file.entity, **row.model_dump()) for row in rows]
            first += len(rows)
        first = max(0, first - file.rejected)
    return found
