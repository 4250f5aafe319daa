"""Reasons for a visit (R91-R93): staff keep them, owners choose among the active."""

from fastapi import APIRouter, Response

from scheduling.api.access import OwnerOrStaff, Staff
from scheduling.api.bodies import ReasonAccepted, ReasonAnswer, ReasonBody
from scheduling.domain.reasons import AddReason, Command, DeactivateReason, MakeReasonDefault
from scheduling.domain.reasons import reasons as decider
from scheduling.projections.reason_list import reason_lists
from shared.chassis.commands import handle
from shared.chassis.endpoints import MadeId, Once, Read, Store, accepted, context, etag_of
from shared.chassis.idempotency import IdempotentRequest
from shared.chassis.openapi import SHORT_LIST
from shared.chassis.verifier import Identity
from shared.chassis.views import After

router = APIRouter(tags=["reasons"])
PATH = "/clinics/{clinic_id}/appointment-reasons"


@router.get(PATH, openapi_extra=SHORT_LIST)
async def list_reasons(clinic_id: str, who: OwnerOrStaff, views: Read, after: After) -> list[ReasonAnswer]:
    """In the order in which they were added. Owners see what they may choose; staff see the inactive too."""
    shown = await views.get(reason_lists, clinic_id, after=after)
    lines = shown.view.reasons if shown else ()
    visible = [line for line in lines if line.is_active or who.role == "staff"]
    return [ReasonAnswer(**line.model_dump()) for line in visible]


@router.post(PATH, status_code=201, response_model=ReasonAccepted)
async def add_reason(clinic_id: str, body: ReasonBody, who: Staff, store: Store, once: Once) -> Response:
    """409 `reason-name-taken` when an active reason reads the same."""
    command = AddReason(clinic_id, once.command_id.hex, **body.model_dump())
    return await _handled(store, clinic_id, command, who, once, status=201)


@router.post(PATH + "/{reason_id}/make-default", response_model=ReasonAccepted)
async def make_reason_default(clinic_id: str, reason_id: MadeId, who: Staff, store: Store, once: Once) -> Response:
    """Preselect it. 404 when there is no such reason, 409 `reason-not-active`."""
    return await _handled(store, clinic_id, MakeReasonDefault(clinic_id, reason_id), who, once)


@router.post(PATH + "/{reason_id}/deactivate", response_model=ReasonAccepted)
async def deactivate_reason(clinic_id: str, reason_id: MadeId, who: Staff, store: Store, once: Once) -> Response:
    """Offer it no more (R93); without any active reason no request can be made (R91)."""
    return await _handled(store, clinic_id, DeactivateReason(clinic_id, reason_id), who, once)


async def _handled(
    store: Store, clinic_id: str, command: Command, who: Identity, once: IdempotentRequest, status: int = 200
) -> Response:
    handled = await handle(store, decider, "", command, context(who, clinic_id, once.command_id))
    return await once.answer(accepted(handled, reason_id=command.reason_id), status, etag_of(handled))
