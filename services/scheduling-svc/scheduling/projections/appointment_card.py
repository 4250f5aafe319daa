"""One request for an appointment and what became of it: for the clinic's list (R90) and for the owner."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel

from shared.events import scheduling as events
from shared.events.scheduling import PartName
from shared.kernel.decider import Projection

Status = Literal["requested", "confirmed", "declined", "cancelled"]


class AppointmentCard(BaseModel):
    """`message` and `explanation` are None when there is none, and after the owner was erased."""

    appointment_id: str
    client_id: str
    patient_id: str
    on: date
    part_of_day: PartName
    reason_id: str
    reason_name: str
    message: str | None
    requested_at: datetime
    status: Status = "requested"
    starts_at: datetime | None = None
    explanation: str | None = None


def evolve(card: AppointmentCard | None, event: events.AppointmentEvent) -> AppointmentCard | None:
    match event, card:
        case events.AppointmentRequested(), _:
            return AppointmentCard(**event.model_dump(exclude={"clinic_id"}))
        case _, None:
            return None
        case events.AppointmentConfirmed(starts_at=starts_at), _:
            return card.model_copy(update={"status": "confirmed", "starts_at": starts_at})
        case events.AppointmentDeclined(explanation=explanation), _:
            return card.model_copy(update={"status": "declined", "explanation": explanation})
        case events.AppointmentCancelled(), _:
            return card.model_copy(update={"status": "cancelled"})


appointment_cards = Projection[events.AppointmentEvent, AppointmentCard](
    "appointment_cards",
    "appointment",
    (
        events.AppointmentRequested,
        events.AppointmentConfirmed,
        events.AppointmentDeclined,
        events.AppointmentCancelled,
    ),
    AppointmentCard,
    evolve,
    indexes=(("status",), ("client_id",)),
)
