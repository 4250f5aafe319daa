"""What owners and the clinic may want of an appointment."""

from dataclasses import dataclass
from datetime import date, datetime

from scheduling.domain.desk import Desk
from shared.events.scheduling import PartName


@dataclass(frozen=True)
class RequestAppointment:
    """The owner's wish (R85, R95)."""

    clinic_id: str
    appointment_id: str
    client_id: str
    patient_id: str
    on: date
    part_of_day: PartName
    reason_id: str
    message: str | None
    desk: Desk
    now: datetime


@dataclass(frozen=True)
class ConfirmAppointment:
    """The clinic's yes; `starts_at` may lie on another day than asked, if that is what they agreed on."""

    starts_at: datetime
    now: datetime


@dataclass(frozen=True)
class DeclineAppointment:
    """The clinic's no."""

    explanation: str | None
    now: datetime


@dataclass(frozen=True)
class CancelAppointment:
    """The owner takes it back. `client_id` is who asks: to anybody else the appointment does not exist."""

    client_id: str
    now: datetime


Answer = ConfirmAppointment | DeclineAppointment | CancelAppointment
Command = RequestAppointment | Answer
