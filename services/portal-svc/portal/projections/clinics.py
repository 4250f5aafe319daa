"""What everybody with access to a clinic may know of it."""

from pydantic import BaseModel

from shared.events.portal import ClinicRegistered
from shared.kernel.decider import Projection


class Clinic(BaseModel):
    """`time_zone`: IANA; `vendor`: the code of the PIMS's profile."""

    clinic_id: str
    name: str
    time_zone: str
    vendor: str


def evolve(_clinic: Clinic | None, event: ClinicRegistered) -> Clinic:
    """One fact makes a clinic."""
    return Clinic(clinic_id=event.clinic_id, name=event.name, time_zone=event.time_zone, vendor=event.vendor)


clinics = Projection[ClinicRegistered, Clinic]("clinics", "clinic", (ClinicRegistered,), Clinic, evolve)
