"""What owners do: ask for an appointment, look at their own, take a request back."""

from fastapi import APIRouter, Response

from scheduling.api.access import Owner
from scheduling.api.bodies import AppointmentAccepted, AppointmentAnswer, AppointmentBody
from scheduling.api.desk import desk_of
from scheduling.domain.appointment import appointment
from scheduling.domain.appointment_commands import CancelAppointment, RequestAppointment
from scheduling.projections.appointment_card import appointment_cards
from scheduling.projections.patient_owners import patient_owners
from shared.chassis.auth import owner_client_id
from shared.chassis.commands import handle
from shared.chassis.cursors import Page
from shared.chassis.endpoints import Accepted, MadeId, Once, Read, Store, accepted, context, etag_of
from shared.chassis.views import After, Views
from shared.kernel.errors import Refused

router = APIRouter(tags=["appointments"])
PATH = "/clinics/{clinic_id}/appointments"


@router.post(PATH, status_code=201, response_model=AppointmentAccepted)
async def request_appointment(
    clinic_id: str, body: AppointmentBody, who: Owner, store: Store, views: Read, once: Once
) -> Response:
    """A date, a part of day and a reason (R85, R95). The clinic answers later.

    409 `no-active-reason`, `patient-deceased`; 422 `unknown-patient`, `unknown-reason`, `part-of-day-not-offered`,
    `date-in-the-past`, `beyond-horizon`.
    """
    client_id = owner_client_id(who, clinic_id)
    await _check_patient(views, clinic_id, body.patient_id, client_id)
    asked = context(who, clinic_id, once.command_id)
    appointment_id = once.command_id.hex
    command = RequestAppointment(
        clinic_id=clinic_id,
        appointment_id=appointment_id,
        client_id=client_id,
        desk=await desk_of(store, clinic_id, asked.now),
        now=asked.now,
        **body.model_dump(),
    )
    handled = await handle(store, appointment, appointment_id, command, asked)
    return await once.answer(accepted(handled, appointment_id=appointment_id), headers=etag_of(handled))


async def _check_patient(views: Views, clinic_id: str, patient_id: str, client_id: str) -> None:
    """Whose a patient is, the practice's system decides: here a view is all there is to go by."""
    shown = await views.get(patient_owners, clinic_id, patient_id)
    if shown is None or client_id not in shown.view.client_ids:
        raise Refused("unknown-patient")
    if shown.view.is_deceased:
        raise Refused("patient-deceased")


@router.get(PATH)
async def list_own_appointments(
    clinic_id: str, who: Owner, views: Read, page: Page, after: After, response: Response
) -> list[AppointmentAnswer]:
    """The owner's own, whatever became of them."""
    own = {"client_id": owner_client_id(who, clinic_id)}
    rows = await views.list(appointment_cards, clinic_id, own, page, after)
    return [AppointmentAnswer.of(row) for row in page.page(rows, lambda row: row.key, response)]


@router.post(PATH + "/{appointment_id}/cancel", response_model=Accepted)
async def cancel_appointment(clinic_id: str, appointment_id: MadeId, who: Owner, store: Store, once: Once) -> Response:
    """Take back a request that the clinic has not answered. 404 for somebody else's; 409 once it was answered."""
    asked = context(who, clinic_id, once.command_id)
    command = CancelAppointment(owner_client_id(who, clinic_id), asked.now)
    handled = await handle(store, appointment, appointment_id, command, asked)
    return await once.answer(accepted(handled), 200, etag_of(handled))
