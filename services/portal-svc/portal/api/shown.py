"""What of the views may be shown, and in which words."""

from datetime import date, datetime

from pydantic import BaseModel

from portal.api.freshness import Freshness, as_of
from portal.projections.clients import Client
from portal.projections.clinic_feeds import ClinicFeed
from portal.projections.pets import Pet
from shared.events.pims_sync import Address, Altered, Birth, Coded, Contact, Identifier, Status, Weight


class PetCard(BaseModel):
    """A pet in a list. `as_of` and `vendor`: since when this is known, and from whom."""

    patient_id: str
    name: str | None
    species: str | None
    deceased: bool
    as_of: datetime
    vendor: str


class PetDetails(PetCard):
    """The signalment (R57): read-only, it changes in the PIMS."""

    species_code: Coded | None
    breeds: tuple[Coded, ...]
    colour: Coded | None
    sex: str
    altered: Altered
    birth: Birth
    weight: Weight | None
    identifiers: tuple[Identifier, ...]
    died_on: date | None


class PatientLine(PetDetails):
    """As staff see it."""

    owners: tuple[str, ...]
    status: Status


class AccountTab(BaseModel):
    """Name and contact information (R58); read-only (R59). All None and `erased` after erasure."""

    client_id: str
    first_name: str | None
    last_name: str | None
    company: str | None
    contacts: tuple[Contact, ...] | None
    addresses: tuple[Address, ...] | None
    erased: bool
    as_of: datetime
    vendor: str | None


class ClinicLine(BaseModel):
    """Whose portal this is."""

    clinic_id: str
    name: str
    time_zone: str


class Home(BaseModel):
    """The first screen. `pets` are the first few of the `pet_count` that live."""

    clinic: ClinicLine
    first_name: str | None
    pet_count: int
    pets: list[PetCard]
    freshness: Freshness


class Count(BaseModel):
    """How many there are."""

    count: int


def pet_card(pet: Pet, feed: ClinicFeed | None) -> PetCard:
    """A pet for a list."""
    return PetCard(
        patient_id=pet.patient_id,
        name=pet.name,
        species=_species(pet),
        deceased=pet.deceased,
        as_of=as_of(pet, feed),
        vendor=pet.vendor,
    )


def pet_details(pet: Pet, feed: ClinicFeed | None) -> PetDetails:
    """A pet for its owner."""
    return PetDetails(**_signalment(pet, feed))


def patient_line(pet: Pet, feed: ClinicFeed | None) -> PatientLine:
    """A pet for staff."""
    return PatientLine(**_signalment(pet, feed), owners=pet.owners, status=pet.status)


def account_tab(client: Client, as_of_: datetime) -> AccountTab:
    """The client's own record."""
    return AccountTab.model_validate({**client.model_dump(), "as_of": as_of_})


def _species(pet: Pet) -> str | None:
    return (pet.species.canonical or pet.species.text) if pet.species else None


def _signalment(pet: Pet, feed: ClinicFeed | None) -> dict[str, object]:
    kept = pet.model_dump(exclude={"species", "clinic_id", "observed_at", "owners", "status"})
    return {**kept, "species": _species(pet), "species_code": pet.species, "as_of": as_of(pet, feed)}
