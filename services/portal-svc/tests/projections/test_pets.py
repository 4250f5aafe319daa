from datetime import date, timedelta
from typing import Any

from portal.projections.pets import pets
from shared.events import pims_sync as synced
from shared.events.pims_sync import Birth, Coded, Death, Identifier, Ownership, PatientSynced, Weight
from shared.events.upcasters import upcast
from shared.testing.clocks import NOON
from shared.testing.projection_spec import ProjectionSpec

LATER = NOON + timedelta(days=1)
spec = ProjectionSpec(pets)


def patient(**changes: Any) -> PatientSynced:
    record: dict[str, Any] = {
        "clinic_id": "elm",
        "patient_id": "9",
        "vendor": "avimark",
        "name": "Bo",
        "species": Coded(code="K9", text="CANINE", canonical="dog"),
        "breeds": (Coded(text="Retriever, Labrador"), Coded(text="Mix")),
        "colour": Coded(text="black"),
        "sex": "M",
        "altered": "yes",
        "birth": Birth(on=date(2015, 4, 1), precision="month"),
        "weight": Weight(value="28.40", unit="lb"),
        "identifiers": (Identifier(kind="microchip", raw="985 112 345 678 909", normalised="985112345678909"),),
        "owners": (Ownership(client_id="42"), Ownership(client_id="43", primary=False)),
        "fingerprint": "f1",
        "observed_at": NOON,
    }
    return PatientSynced(**(record | changes))


died = synced.PatientDied(clinic_id="elm", patient_id="9", died_on=date(2026, 3, 1), observed_at=LATER)
revived = synced.PatientRevived(clinic_id="elm", patient_id="9", observed_at=LATER)
ended = synced.OwnershipEnded(clinic_id="elm", patient_id="9", client_id="42", observed_at=LATER)


def test_r57_the_signalment_is_the_pims_record() -> None:
    spec.given(patient()).then_fields(
        name="Bo",
        species=Coded(code="K9", text="CANINE", canonical="dog"),
        breeds=(Coded(text="Retriever, Labrador"), Coded(text="Mix")),
        sex="M",
        altered="yes",
        birth=Birth(on=date(2015, 4, 1), precision="month"),
        weight=Weight(value="28.40", unit="lb"),
        identifiers=patient().identifiers,
        owners=("42", "43"),
        vendor="avimark",
        deceased=False,
        observed_at=NOON,
    )


def test_a_later_record_replaces_the_one_before() -> None:
    renamed = patient(name="Bosley", owners=(Ownership(client_id="7"),), observed_at=LATER)
    spec.given(patient(), renamed).then_fields(name="Bosley", owners=("7",), observed_at=LATER)


def test_a_death_is_shown() -> None:
    spec.given(patient(), died).then_fields(deceased=True, died_on=date(2026, 3, 1), observed_at=LATER, status="active")


def test_a_record_alone_can_say_that_the_pet_is_dead() -> None:
    spec.given(patient(death=Death(known=True))).then_fields(deceased=True, died_on=None)


def test_m12_a_death_entered_by_mistake_is_taken_back() -> None:
    spec.given(patient(), died, revived).then_fields(deceased=False, died_on=None)


def test_a_former_owner_is_no_owner() -> None:
    spec.given(patient(), ended).then_fields(owners=("43",), observed_at=LATER)


def test_facts_about_a_pet_without_a_record_make_no_document() -> None:
    spec.given(died, ended).then(None)


def test_the_first_version_of_the_event_is_read_too() -> None:
    old = {
        "clinic_id": "elm",
        "patient_id": "9",
        "vendor": "avimark",
        "name": "Bo",
        "breed": "Mix",
        "client_id": "42",
        "fingerprint": "f",
        "observed_at": NOON,
    }
    name, data = upcast("pims-sync.PatientSynced.v1", old)
    assert name == PatientSynced.type_name
    spec.given(PatientSynced.model_validate(data)).then_fields(owners=("42",), breeds=(Coded(text="Mix"),))
