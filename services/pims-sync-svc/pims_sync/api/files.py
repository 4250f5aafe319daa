"""Receiving a run's files as streams."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from pims_sync.api.bodies import FileAccepted
from pims_sync.domain.feed import OpenRun, RecordFile, feed, open_run
from pims_sync.intake.csv_rows import csv_rows
from pims_sync.intake.entities import KINDS
from pims_sync.intake.ndjson_rows import ndjson_rows
from pims_sync.intake.records import Records
from pims_sync.intake.rows import FileRefused, Item
from pims_sync.intake.upload import Source, Upload
from pims_sync.intake.writing import patiently
from pims_sync.vendors.catalogue import BRIDGE_CSV
from pims_sync.vendors.profile import Profile
from shared.chassis import clock
from shared.chassis.auth import Identity, clinic_access
from shared.chassis.commands import INFRASTRUCTURE_ERRORS, Context, Handled, handle
from shared.chassis.endpoints import MadeId, Store, accepted, context, etag_of
from shared.chassis.event_store import EventStore
from shared.chassis.problems import Problem
from shared.chassis.routes import GIB
from shared.chassis.uploads import chunks
from shared.events.pims_sync import Entity, SyncFileReceived
from shared.kernel.streams import stream_name

router = APIRouter(prefix="/clinics/{clinic_id}/runs/{run_id}", tags=["runs"])
CSV, NDJSON = "text/csv", "application/x-ndjson"
_PERHAPS_LATER = {"Retry-After": "10"}
_OPEN_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {kind: {"schema": {"type": "string"}} for kind in (CSV, NDJSON)}}
}


def _records(request: Request) -> Records:
    found: Records = request.app.state.records
    return found


@router.put("/files/{entity}", response_model=FileAccepted, openapi_extra=_OPEN_BODY)
async def receive_file(
    clinic_id: str,
    run_id: MadeId,
    entity: Entity,
    request: Request,
    response: Response,
    who: Annotated[Identity, Depends(clinic_access("pims"))],
    store: Store,
    records: Annotated[Records, Depends(_records)],
) -> dict[str, Any]:
    """Read the file and append what is new in it. It may be sent again: that appends nothing twice.

    Problems 409 `run-not-open`; 415 `unsupported-media-type`; 422 `missing-columns`, `duplicate-columns`,
    `empty-file`, `not-text`, `unreadable-header`; 503 `view-behind`, `servers-away`. Bad rows are no problem: they are
    listed as rejected.
    """
    kind = _media_type(request)
    asked = context(who, clinic_id, UUID(clock.new_id()))
    run, revision = await _open_run(store, clinic_id, run_id)
    await _wait_for_views(records, entity)
    profile = BRIDGE_CSV[run.started.vendor]
    source = Source(run, entity, profile, _still_open(store, clinic_id, run_id, revision))
    upload = Upload(source, store, records, request.app.state.token_secret, asked.metadata())
    await _take(upload, _rows(request, kind, profile, entity))
    handled = await _recorded(upload, store, asked, run_id, entity)
    response.headers.update(etag_of(handled))
    return _answer(upload, asked, run_id, entity, handled)


def _media_type(request: Request) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (CSV, NDJSON) or request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "unsupported-media-type", f"Send {CSV} or {NDJSON}, not compressed.")
    return kind


async def _open_run(store: EventStore, clinic_id: str, run_id: str) -> tuple[OpenRun, int]:
    """The run and the revision of the feed. Refused if it is not open."""
    history = await store.read(stream_name(feed.category, clinic_id))
    state = feed.fold(recorded.event for recorded in history)  # type: ignore[misc]  # the stream holds feed events
    return open_run(state, run_id), history[-1].revision


def _still_open(store: EventStore, clinic_id: str, run_id: str, revision: int) -> Callable[[], Awaitable[None]]:
    """Looks whether anything but a file has come to the feed since `revision`."""

    async def check() -> None:
        since = await patiently(lambda: store.read(stream_name(feed.category, clinic_id), revision + 1))
        if not all(isinstance(recorded.event, SyncFileReceived) for recorded in since):
            await _open_run(store, clinic_id, run_id)

    return check


async def _wait_for_views(records: Records, entity: Entity) -> None:
    """A view that lags could call a record unchanged that has changed twice, so none of this run's rows is read yet."""
    try:
        if await records.caught_up(KINDS[entity].projection):
            return
    except INFRASTRUCTURE_ERRORS:
        raise Problem(
            503, "servers-away", "What is already known cannot be read at the moment.", headers=_PERHAPS_LATER
        ) from None
    raise Problem(503, "view-behind", "Earlier changes are still being taken in.", headers=_PERHAPS_LATER)


def _rows(request: Request, kind: str, profile: Profile, entity: Entity) -> AsyncIterator[Sequence[Item]]:
    layout, body = profile.layouts[entity], chunks(request, GIB)
    return ndjson_rows(body, layout) if kind == NDJSON else csv_rows(body, layout, profile.fallback_encoding)


async def _take(upload: Upload, rows: AsyncIterator[Sequence[Item]]) -> None:
    try:
        await upload.take(rows)
    except FileRefused as refused:
        raise Problem(422, refused.code, refused.reason, **refused.extensions) from None
    except INFRASTRUCTURE_ERRORS:
        raise Problem(
            503, "servers-away", "Not everything could be stored: send the file again.", headers=_PERHAPS_LATER
        ) from None


async def _recorded(upload: Upload, store: EventStore, asked: Context, run_id: str, entity: Entity) -> Handled:
    tally, now = upload.tally, clock.now()
    file = SyncFileReceived(
        clinic_id=asked.clinic_id,
        run_id=run_id,
        entity=entity,
        **vars(tally),
        rejected=upload.rejects.count,
        received_at=now,
    )
    return await patiently(lambda: handle(store, feed, "", RecordFile(run_id, file), asked))


def _answer(upload: Upload, asked: Context, run_id: str, entity: Entity, handled: Handled) -> dict[str, Any]:
    return {
        **accepted(handled),
        **vars(upload.tally),
        "run_id": run_id,
        "entity": entity,
        "rejected": upload.rejects.count,
        "first_rejects": upload.rejects.first,
        "rejects_url": f"/api/pims-sync/v1/clinics/{asked.clinic_id}/runs/{run_id}/rejects",
    }
