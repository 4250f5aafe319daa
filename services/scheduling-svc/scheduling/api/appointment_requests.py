"""What staff do: the section "Appointment Requests" of the calendar (R90), and the clinic's answer."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from scheduling.api.access import Staff
from scheduling.api.bodies import AppointmentAnswer, ConfirmationBody, DeclineBody
from scheduling.domain.appointment import appointment
from scheduling.domain.appointment_commands import ConfirmAppointment, DeclineAppointment
from scheduling.projections.appointment_card import Status, appointment_cards
from shared.chassis.commands import handle
from shared.chassis.cursors import Page
from shared.chassis.endpoints import Accepted, Expected, MadeId, Once, Read, Store, accepted, context, etag_of
from shared.chassis.etags import etag, not_modified
from shared.chassis.openapi import CONDITIONAL
from shared.chassis.problems import not_found
from shared.chassis.views import After

router = APIRouter(tags=["appointment requests"])
PATH = "/clinics/{clinic_id}/appointment-requests"


@router.get(PATH)
async def list_appointment_requests(
    clinic_id: str,
    _who: Staff,
    views: Read,
    page: Page,
    after: After,
    response: Response,
    status: Annotated[Status | None, Query()] = None,
) -> list[AppointmentAnswer]:
    """All requests of the clinic, or those with one status."""
    where = {"status": status} if status else {}
    rows = await views.list(appointment_cards, clinic_id, where, page, after)
    return [AppointmentAnswer.of(row) for row in page.page(rows, lambda row: row.key, response)]


@router.get(PATH + "/{appointment_id}", response_model=AppointmentAnswer, responses=CONDITIONAL)
async def read_appointment_request(
    clinic_id: str,
    appointment_id: MadeId,
    _who: Staff,
    views: Read,
    after: After,
    request: Request,
    response: Response,
) -> AppointmentAnswer | Response:
    """One request; its ETag is what If-Match wants."""
    shown = await views.get(appointment_cards, clinic_id, appointment_id, after)
    if shown is None:
        raise not_found()
    response.headers["ETag"] = etag(shown.revision)
    return not_modified(request, shown.revision) or AppointmentAnswer.of(shown)


@router.post(PATH + "/{appointment_id}/confirm", response_model=Accepted)
async def confirm_appointment(
    clinic_id: str,
    appointment_id: MadeId,
    body: ConfirmationBody,
    who: Staff,
    store: Store,
    expected: Expected,
    once: Once,
) -> Response:
    """Give it a time. 412 if it changed since it was read; 409 `appointment-already-...`; 422 `time-in-the-past`."""
    asked = context(who, clinic_id, once.command_id)
    command = ConfirmAppointment(body.starts_at, asked.now)
    handled = await handle(store, appointment, appointment_id, command, asked, expected)
    return await once.answer(accepted(handled), 200, etag_of(handled))


@router.post(PATH + "/{appointment_id}/decline", response_model=Accepted)
async def decline_appointment(
    clinic_id: str,
    appointment_id: MadeId,
    body: DeclineBody,
    who: Staff,
    store: Store,
    expected: Expected,
    once: Once,
) -> Response:
    """Say no. 412 if it changed since it was read; 409 `appointment-already-...`."""
    asked = context(who, clinic_id, once.command_id)
    command = DeclineAppointment(body.explanation, asked.now)
    handled = await handle(store, appointment, appointment_id, command, asked, expected)
    return await once.answer(accepted(handled), 200, etag_of(handled))
