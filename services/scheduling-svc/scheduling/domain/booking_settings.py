"""Booking settings: one stream for each clinic, how it takes requests for appointments."""

from dataclasses import dataclass, replace
from itertools import pairwise

from shared.events import scheduling as events
from shared.events.scheduling import PartOfDay
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused

USUAL_PARTS = (
    PartOfDay(name="morning", starts="08:00", ends="12:00"),
    PartOfDay(name="afternoon", starts="12:00", ends="17:00"),
    PartOfDay(name="evening", starts="17:00", ends="20:00"),
)


@dataclass(frozen=True)
class BookingSettings:
    """What holds until a clinic says otherwise: no mail, the usual day, half a year ahead, UTC."""

    notify_address: str | None = None
    parts: tuple[PartOfDay, ...] = USUAL_PARTS
    horizon_days: int = 180
    time_zone: str = "UTC"


@dataclass(frozen=True)
class SetBookingSettings:
    """`wanted` as a whole; what it leaves as it was is no news."""

    clinic_id: str
    wanted: BookingSettings


def decide(command: SetBookingSettings, state: BookingSettings) -> list[events.SettingsEvent]:
    clinic_id, wanted = command.clinic_id, command.wanted
    _check(wanted)
    facts: list[events.SettingsEvent] = []
    if wanted.notify_address != state.notify_address:
        facts.append(events.NotifyAddressSet(clinic_id=clinic_id, address=wanted.notify_address))
    if wanted.parts != state.parts:
        facts.append(events.PartsOfDaySet(clinic_id=clinic_id, parts=wanted.parts))
    if wanted.horizon_days != state.horizon_days:
        facts.append(events.HorizonSet(clinic_id=clinic_id, days=wanted.horizon_days))
    if wanted.time_zone != state.time_zone:
        facts.append(events.TimeZoneSet(clinic_id=clinic_id, time_zone=wanted.time_zone))
    return facts


def _check(wanted: BookingSettings) -> None:
    parts = wanted.parts
    if not parts or len({part.name for part in parts}) < len(parts):
        raise Refused("parts-of-day-not-distinct")
    if any(part.starts >= part.ends for part in parts):
        raise Refused("part-of-day-without-time")
    if any(earlier.ends > later.starts for earlier, later in pairwise(parts)):
        raise Refused("parts-of-day-overlap")


def evolve(state: BookingSettings, event: events.SettingsEvent) -> BookingSettings:
    match event:
        case events.NotifyAddressSet(address=address):
            return replace(state, notify_address=address)
        case events.PartsOfDaySet(parts=parts):
            return replace(state, parts=parts)
        case events.HorizonSet(days=days):
            return replace(state, horizon_days=days)
        case events.TimeZoneSet(time_zone=time_zone):
            return replace(state, time_zone=time_zone)


booking_settings = Decider[SetBookingSettings, events.SettingsEvent, BookingSettings](
    "bookingsettings", BookingSettings(), decide, evolve
)
