"""What happened at the booking desk: how a clinic takes requests, why people come, and what they asked for."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.events.base import Event, Personal, event_type

_CLIENT = "client:{clinic_id}.{client_id}"
PartName = Literal["morning", "afternoon", "evening"]
LocalTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""Hours and minutes on the clinic's wall clock, `HH:MM`; sorts as text."""


class PartOfDay(BaseModel):
    """A part of the day that owners may ask for (R85), in the clinic's local time; `ends` is not in it."""

    model_config = ConfigDict(frozen=True)
    name: PartName
    starts: LocalTime
    ends: LocalTime


@event_type("scheduling.NotifyAddressSet.v1")
class NotifyAddressSet(Event):
    """Requests and bookings are mailed to `address`; None: no mail (R89)."""

    clinic_id: str
    address: str | None


@event_type("scheduling.PartsOfDaySet.v1")
class PartsOfDaySet(Event):
    """The parts of day that the clinic offers, earliest first."""

    clinic_id: str
    parts: tuple[PartOfDay, ...]


@event_type("scheduling.HorizonSet.v1")
class HorizonSet(Event):
    """Requests are taken for today and this many days after it."""

    clinic_id: str
    days: int


@event_type("scheduling.TimeZoneSet.v1")
class TimeZoneSet(Event):
    """Where the clinic's days begin and end: an IANA name."""

    clinic_id: str
    time_zone: str


@event_type("scheduling.ReasonAdded.v1")
class ReasonAdded(Event):
    """A reason for a visit (R92); `appointment_type` is the practice's own, None while it is not mapped."""

    clinic_id: str
    reason_id: str
    name: str
    description: str = ""
    appointment_type: str | None = None


@event_type("scheduling.ReasonMadeDefault.v1")
class ReasonMadeDefault(Event):
    """From now on this reason is the one that is preselected, and no other."""

    clinic_id: str
    reason_id: str


@event_type("scheduling.ReasonDeactivated.v1")
class ReasonDeactivated(Event):
    """The reason is not offered any more and preselected no more; requests that carry it stand."""

    clinic_id: str
    reason_id: str


@event_type("scheduling.AppointmentRequested.v1", subject=_CLIENT)
class AppointmentRequested(Event):
    """An owner asks for a day and a part of it (R85). `reason_name` is what the owner chose by, as it read then."""

    clinic_id: str
    appointment_id: str
    client_id: str
    patient_id: str
    on: date
    part_of_day: PartName
    reason_id: str
    reason_name: str
    message: Personal[str] = None
    requested_at: datetime


@event_type("scheduling.AppointmentConfirmed.v1")
class AppointmentConfirmed(Event):
    """The clinic gave the request a time, UTC."""

    clinic_id: str
    appointment_id: str
    starts_at: datetime
    confirmed_at: datetime


@event_type("scheduling.AppointmentDeclined.v1", subject=_CLIENT)
class AppointmentDeclined(Event):
    """The clinic said no; `explanation` is its word to the owner."""

    clinic_id: str
    appointment_id: str
    client_id: str
    explanation: Personal[str] = None
    declined_at: datetime


@event_type("scheduling.AppointmentCancelled.v1")
class AppointmentCancelled(Event):
    """The owner took the request back before the clinic had answered."""

    clinic_id: str
    appointment_id: str
    cancelled_at: datetime


SettingsEvent = NotifyAddressSet | PartsOfDaySet | HorizonSet | TimeZoneSet
ReasonEvent = ReasonAdded | ReasonMadeDefault | ReasonDeactivated
AppointmentEvent = AppointmentRequested | AppointmentConfirmed | AppointmentDeclined | AppointmentCancelled
