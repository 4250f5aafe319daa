"""Opening and completing a run, and forgetting a client."""

from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from pims_sync.api.bodies import CompleteRunBody, RunAccepted, StartRunBody
from pims_sync.domain.client import EraseClient, Unseen, client
from pims_sync.domain.feed import CompleteRun, StartRun, feed
from pims_sync.vendors.catalogue import BRIDGE_CSV, OTHER_FORMATS
from shared.chassis import clock
from shared.chassis.auth import Identity, clinic_access
from shared.chassis.commands import handle
from shared.chassis.endpoints import Accepted, MadeId, Once, Running, Store, accepted, context, etag_of
from shared.chassis.problems import Problem, not_found
from shared.kernel.streams import stream_name

router = APIRouter(prefix="/clinics/{clinic_id}")


@router.post("/runs", tags=["runs"], status_code=201, response_model=RunAccepted)
async def start_run(
    clinic_id: str,
    body: StartRunBody,
    who: Annotated[Identity, Depends(clinic_access("pims"))],
    once: Once,
    store: Store,
) -> Response:
    """Open a run; a run that was open is abandoned. Problem 422 `unknown-vendor`, `vendor-has-other-format`."""
    _check_vendor(body.vendor)
    asked = context(who, clinic_id, once.command_id)
    run_id = once.command_id.hex
    command = StartRun(clinic_id, run_id, body.vendor, body.mode, asked.now)
    handled = await handle(store, feed, "", command, asked)
    return await once.answer(accepted(handled, run_id=run_id), 201, etag_of(handled))


def _check_vendor(vendor: str) -> None:
    if vendor in OTHER_FORMATS:
        raise Problem(422, "vendor-has-other-format", "This vendor's data does not come as bridge-csv files.")
    if vendor not in BRIDGE_CSV:
        raise Problem(422, "unknown-vendor", "No such vendor is known.", known=sorted(BRIDGE_CSV))


@router.post("/runs/{run_id}/complete", tags=["runs"], response_model=Accepted)
async def complete_run(
    clinic_id: str,
    run_id: MadeId,
    body: CompleteRunBody,
    who: Annotated[Identity, Depends(clinic_access("pims"))],
    store: Store,
    response: Response,
) -> dict[str, Any]:
    """Close the run if every file came whole: else problem 409 `counts-mismatch`, and it stays open."""
    asked = context(who, clinic_id, _new_command())
    handled = await handle(store, feed, "", CompleteRun(run_id, body.declared_counts, asked.now), asked)
    response.headers.update(etag_of(handled))
    return accepted(handled)


@router.post("/clients/{client_id}/erase", tags=["clients"], response_model=Accepted)
async def erase_client(
    clinic_id: str,
    client_id: str,
    who: Annotated[Identity, Depends(clinic_access("operator", "staff"))],
    running: Running,
    response: Response,
) -> dict[str, Any]:
    """Destroy the key of the client's personal data, for all services; later syncs of the client are ignored.

    `client_id` as in events: percent-encoded by the path once more. Repeating it changes nothing.
    """
    history = await running.store.read(stream_name(client.category, clinic_id, client_id))
    if isinstance(client.fold(cast(Any, [recorded.event for recorded in history])), Unseen):
        raise not_found()
    # The key first: an event that says "erased" must not be there before it is true.
    await running.keys.erase(f"client:{clinic_id}.{client_id}")
    asked = context(who, clinic_id, _new_command())
    command = EraseClient(clinic_id, client_id, asked.now)
    handled = await handle(running.store, client, client_id, command, asked)
    response.headers.update(etag_of(handled))
    return accepted(handled)


def _new_command() -> UUID:
    """These wishes are recognised by the state they lead to, not by a key."""
    return UUID(clock.new_id())
