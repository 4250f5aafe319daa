"""A pet as its owner and the clinic's staff see it. Everything comes from the PIMS and changes only there (R57)."""

from datetime import date, datetime
from typing import get_args

from pydantic import BaseModel

from shared.events import pims_sync as synced
from shared.events.pims_sync import Altered, Birth, Coded, Identifier, PatientEvent, Status, Weight
from shared.kernel.decider import Projection


class Pet(BaseModel):
    """`owners` are client ids; `observed_at` is when the PIMS's record was last seen to differ."""

    clinic_id: str
    patient_id: str
    vendor: str
    name: str | None = None
    species: Coded | None = None
    breeds: tuple[Coded, ...] = ()
    colour: Coded | None = None
    sex: str = "U"
    altered: Altered = "unknown"
    birth: Birth = Birth()
    weight: Weight | None = None
    identifiers: tuple[Identifier, ...] = ()
    owners: tuple[str, ...] = ()
    status: Status = "active"
    deceased: bool = False
    died_on: date | None = None
    observed_at: datetime


def evolve(pet: Pet | None, event: PatientEvent) -> Pet | None:
    """A record replaces what was known; deaths and ends of ownership change one thing each."""
    match event, pet:
        case synced.PatientSynced(), _:
            return _recorded(event)
        case synced.PatientDied(died_on=died_on), Pet():
            change = {"deceased": True, "died_on": died_on, "observed_at": event.observed_at}
            return pet.model_copy(update=change)
        case synced.PatientRevived(), Pet():
            return pet.model_copy(update={"deceased": False, "died_on": None, "observed_at": event.observed_at})
        case synced.OwnershipEnded(client_id=client_id), Pet():
            owners = tuple(owner for owner in pet.owners if owner != client_id)
            return pet.model_copy(update={"owners": owners, "observed_at": event.observed_at})
        case _:
            return pet


def _recorded(event: synced.PatientSynced) -> Pet:
    return Pet(
        clinic_id=event.clinic_id,
        patient_id=event.patient_id,
        vendor=event.vendor,
        name=event.name,
        species=event.species,
        breeds=event.breeds,
        colour=event.colour,
        sex=event.sex,
        altered=event.altered,
        birth=event.birth,
        weight=event.weight,
        identifiers=event.identifiers,
        owners=tuple(ownership.client_id for ownership in event.owners),
        status=event.status,
        deceased=event.death.known,
        died_on=event.death.on,
        observed_at=event.observed_at,
    )


pets = Projection[PatientEvent, Pet](
    "pets", "patient", get_args(PatientEvent), Pet, evolve, indexes=(("owners", "status", "deceased"),)
)
