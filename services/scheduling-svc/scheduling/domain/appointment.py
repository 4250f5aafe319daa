"""Appointment: one stream for each visit an owner asks a clinic for."""

from dataclasses import dataclass
from datetime import datetime

from scheduling.domain.appointment_commands import (
    Answer,
    CancelAppointment,
    Command,
    ConfirmAppointment,
    DeclineAppointment,
    RequestAppointment,
)
from shared.events import scheduling as events
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused


@dataclass(frozen=True)
class NotRequested: ...


@dataclass(frozen=True)
class Requested:
    clinic_id: str
    appointment_id: str
    client_id: str


@dataclass(frozen=True)
class Confirmed:
    client_id: str
    starts_at: datetime


@dataclass(frozen=True)
class Declined:
    client_id: str


@dataclass(frozen=True)
class Cancelled:
    client_id: str


Answered = Confirmed | Declined | Cancelled
Appointment = NotRequested | Requested | Answered


def decide(command: Command, state: Appointment) -> list[events.AppointmentEvent]:
    match command, state:
        case RequestAppointment(), NotRequested():
            return [_requested(command)]
        case RequestAppointment(), _:
            return []
        case _, NotRequested():
            raise Refused("not-found")
        case CancelAppointment(client_id), Requested() | Confirmed() | Declined() | Cancelled() if (
            client_id != state.client_id
        ):
            raise Refused("not-found")
        case _, Requested():
            return [_answered(command, state)]
        case _, Confirmed() | Declined() | Cancelled():
            return _late(command, state)


def _requested(command: RequestAppointment) -> events.AppointmentRequested:
    reason = command.desk.reason_for(command.reason_id, command.on, command.part_of_day)
    return events.AppointmentRequested(
        clinic_id=command.clinic_id,
        appointment_id=command.appointment_id,
        client_id=command.client_id,
        patient_id=command.patient_id,
        on=command.on,
        part_of_day=command.part_of_day,
        reason_id=reason.reason_id,
        reason_name=reason.name,
        message=command.message,
        requested_at=command.now,
    )


def _answered(command: Answer, state: Requested) -> events.AppointmentEvent:
    clinic_id, id_ = state.clinic_id, state.appointment_id
    match command:
        case ConfirmAppointment(starts_at, now):
            if starts_at <= now:
                raise Refused("time-in-the-past")
            return events.AppointmentConfirmed(
                clinic_id=clinic_id, appointment_id=id_, starts_at=starts_at, confirmed_at=now
            )
        case DeclineAppointment(explanation, now):
            return events.AppointmentDeclined(
                clinic_id=clinic_id,
                appointment_id=id_,
                client_id=state.client_id,
                explanation=explanation,
                declined_at=now,
            )
        case CancelAppointment(_, now):
            return events.AppointmentCancelled(clinic_id=clinic_id, appointment_id=id_, cancelled_at=now)


def _late(command: Answer, state: Answered) -> list[events.AppointmentEvent]:
    """The same answer again changes nothing; another one comes too late."""
    match command, state:
        case ConfirmAppointment(starts_at), Confirmed(_, confirmed) if starts_at == confirmed:
            return []
        case (DeclineAppointment(), Declined()) | (CancelAppointment(), Cancelled()):
            return []
        case _, Confirmed():
            raise Refused("appointment-already-confirmed")
        case _, Declined():
            raise Refused("appointment-already-declined")
        case _, Cancelled():
            raise Refused("appointment-already-cancelled")


def evolve(state: Appointment, event: events.AppointmentEvent) -> Appointment:
    match event, state:
        case events.AppointmentRequested(), _:
            return Requested(event.clinic_id, event.appointment_id, event.client_id)
        case _, NotRequested():
            raise ValueError(f"{event.type_name} begins no appointment")
        case events.AppointmentConfirmed(starts_at=starts_at), _:
            return Confirmed(state.client_id, starts_at)
        case events.AppointmentDeclined(), _:
            return Declined(state.client_id)
        case events.AppointmentCancelled(), _:
            return Cancelled(state.client_id)


appointment = Decider[Command, events.AppointmentEvent, Appointment]("appointment", NotRequested(), decide, evolve)
