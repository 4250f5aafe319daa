"""Clinic: one stream for each clinic on the platform."""

from dataclasses import dataclass
from datetime import datetime

from shared.events.portal import PLATFORM, ClinicRegistered
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused


@dataclass(frozen=True)
class RegisterClinic:
    """`time_zone` is known to be an IANA name."""

    clinic_id: str
    name: str
    time_zone: str
    vendor: str
    now: datetime


@dataclass(frozen=True)
class NotRegistered: ...


@dataclass(frozen=True)
class Registered:
    name: str
    time_zone: str
    vendor: str


Clinic = NotRegistered | Registered


def decide(command: RegisterClinic, state: Clinic) -> list[ClinicRegistered]:
    """Refusals: `clinic-id-reserved`, `clinic-id-taken`."""
    if command.clinic_id == PLATFORM:
        raise Refused("clinic-id-reserved")
    match state:
        case NotRegistered():
            return [
                ClinicRegistered(
                    clinic_id=command.clinic_id,
                    name=command.name,
                    time_zone=command.time_zone,
                    vendor=command.vendor,
                    registered_at=command.now,
                )
            ]
        case Registered() if state == Registered(command.name, command.time_zone, command.vendor):
            return []
        case Registered():
            raise Refused("clinic-id-taken")


def evolve(_state: Clinic, event: ClinicRegistered) -> Clinic:
    """A clinic is what it was registered as."""
    return Registered(event.name, event.time_zone, event.vendor)


clinic = Decider[RegisterClinic, ClinicRegistered, Clinic]("clinic", NotRegistered(), decide, evolve)
