"""From the PIMS's nightly push to the owner's screen, through the gateway only (R103, M11, issue's steps 1 to 4)."""

from collections.abc import Iterator

import pytest

from shared.testing.caller import code_of
from shared.testing.gateway import Feed, Gateway, NewClinic, eventually_equal, gateway_of
from shared.testing.running import RunningSystem

CLIENTS = (
    "AccountId,LastName,FirstName,Address1,City,State,Zip,Phone1AsIs,PhoneType1,email\n"
    "100,Oak,Ines,1 First Street,Albany,NY,12203,(518) 555-0142,Mobile,ines@example.org\n"
    "200,Birch,,2 Second Street,Albany,NY,12203,,,\n"
)
PATIENTS = (
    "ClientAccountId,AccountId,Name,Species,Breed,GenderVal,DOB,Weight,WeightUnitVal\n"
    '100,1,Zoë,CANINE,"Retriever, Labrador",S,3/21/2019,62,lbs\n'
    "100,2,Móži,FELINE,DSH,N,2020-06-01,9.5,\n"
    "200,3,Rex,CANINE,Mixed,M,,,\n"
)


@pytest.fixture
def gateway(system: RunningSystem) -> Iterator[Gateway]:
    with gateway_of(system) as found:
        yield found


@pytest.fixture
def clinic(gateway: Gateway) -> NewClinic:
    return gateway.new_clinic()


@pytest.fixture
def feed(clinic: NewClinic) -> Feed:
    return Feed(clinic.pims, clinic.clinic_id)


def test_r103_a_full_run_is_seen_by_the_owner(gateway: Gateway) -> None:
    """The sample clinics were loaded that way; the owner sees name, pets and how fresh they are."""
    owner = gateway.person("elm", "owner")
    home = owner.get("/api/portal/v1/clinics/elm/home")
    assert home.status_code == 200, home.text
    assert home.json()["pet_count"] == len(home.json()["pets"]) > 0
    assert home.json()["freshness"]["state"] == "synced"
    pets = owner.get("/api/portal/v1/clinics/elm/pets").json()
    assert {pet["name"] for pet in home.json()["pets"]} <= {pet["name"] for pet in pets}
    assert all(pet["as_of"] for pet in pets)


def test_r103_a_changed_name_shows_up_and_an_unchanged_run_appends_nothing(
    gateway: Gateway, clinic: NewClinic, feed: Feed
) -> None:
    first = feed.push(client=CLIENTS, patient=PATIENTS)
    assert [(f["rows"], f["appended"]) for f in first.values()] == [(2, 2), (3, 3)]
    count = f"/api/portal/v1/clinics/{clinic.clinic_id}/patients/count"
    eventually_equal(lambda: clinic.operator.get(count).json(), {"count": 3})
    again = feed.push(client=CLIENTS, patient=PATIENTS)
    assert [(f["appended"], f["unchanged"]) for f in again.values()] == [(0, 2), (0, 3)]
    renamed = feed.push(client=CLIENTS, patient=PATIENTS.replace("Rex", "Rexine"))
    assert renamed["patient"]["appended"] == 1


def test_another_clinics_pims_and_owner_see_nothing(gateway: Gateway, clinic: NewClinic, feed: Feed) -> None:
    feed.push(client=CLIENTS, patient=PATIENTS)
    stranger = Feed(gateway.new_clinic().pims, clinic.clinic_id)
    answer = stranger.pims.post(stranger.runs, {"mode": "full", "vendor": "avimark"})
    assert code_of(answer) == (404, "not-found")
    owner = gateway.person("elm", "owner")
    assert code_of(owner.get(f"/api/portal/v1/clinics/{clinic.clinic_id}/home")) == (404, "not-found")
