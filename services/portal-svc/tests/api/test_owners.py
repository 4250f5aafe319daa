from datetime import timedelta
from typing import Any

import pytest

from portal.api.owners import shown_live
from portal.projections.pets import pets
from shared.events import pims_sync as synced
from shared.events.pims_sync import ClientSynced, Coded, Contact, Ownership, PatientSynced
from shared.testing.clocks import NOON

pytestmark = pytest.mark.anyio
DAY = timedelta(days=1)


def patient(patient_id: str, owner: str = "42", clinic_id: str = "elm", **changes: Any) -> PatientSynced:
    record: dict[str, Any] = {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "vendor": "avimark",
        "name": f"Pet {patient_id}",
        "species": Coded(text="CANINE", canonical="dog"),
        "owners": (Ownership(client_id=owner),),
        "fingerprint": "f",
        "observed_at": NOON - DAY,
    }
    return PatientSynced(**(record | changes))


def client(client_id: str = "42", clinic_id: str = "elm") -> ClientSynced:
    return ClientSynced(
        clinic_id=clinic_id,
        client_id=client_id,
        vendor="avimark",
        first_name="Client",
        last_name="0042",
        contacts=(Contact(kind="email", raw="client0042@example.org"),),
        fingerprint="f",
        observed_at=NOON - DAY,
    )


async def given_run(portal: Any, run_id: str = "r1", mode: str = "full", hours_ago: float = 1) -> None:
    started = NOON - timedelta(hours=hours_ago)
    run: dict[str, Any] = {
        "clinic_id": "elm",
        "run_id": run_id,
        "vendor": "avimark",
        "mode": mode,
        "started_at": started,
    }
    await portal.store.given(
        "feed-elm", synced.SyncRunStarted(**run), synced.SyncRunCompleted(**run, completed_at=started)
    )


async def given_pets(portal: Any, *records: PatientSynced) -> None:
    for pet in records:
        await portal.store.given(f"patient-{pet.clinic_id}.{pet.patient_id}", pet)


async def test_r33_home_shows_the_clinic_the_pets_and_how_fresh_that_is(portal: Any) -> None:
    await portal.store.given("client-elm.42", client())
    await given_pets(portal, patient("1"), patient("2"), patient("3", owner="43"))
    await given_run(portal)
    answer = await portal.get("/clinics/elm/home", portal.owner())
    assert answer.status_code == 200
    body = answer.json()
    assert body["clinic"] == {"clinic_id": "elm", "name": "Elm Street", "time_zone": "America/New_York"}
    assert body["first_name"] == "Client"
    assert body["pet_count"] == 2
    assert [pet["name"] for pet in body["pets"]] == ["Pet 1", "Pet 2"]
    assert body["freshness"] == {
        "as_of": "2026-03-02T11:00:00Z",
        "vendor": "avimark",
        "state": "synced",
        "sync_under_way": False,
    }


async def test_home_shows_the_first_six_and_counts_all(portal: Any) -> None:
    await given_pets(portal, *(patient(str(number)) for number in range(10, 19)))
    body = (await portal.get("/clinics/elm/home", portal.owner())).json()
    assert (body["pet_count"], len(body["pets"])) == (9, 6)


async def test_home_before_the_first_sync_says_so(portal: Any) -> None:
    body = (await portal.get("/clinics/elm/home", portal.owner())).json()
    assert (body["first_name"], body["pet_count"], body["pets"]) == (None, 0, [])
    assert body["freshness"] == {"as_of": None, "vendor": None, "state": "never", "sync_under_way": False}


@pytest.mark.parametrize(("hours", "state"), [(36, "synced"), (36.1, "delayed")])
async def test_m11_a_sync_is_delayed_after_36_hours(portal: Any, hours: float, state: str) -> None:
    await given_run(portal, hours_ago=hours)
    body = (await portal.get("/clinics/elm/home", portal.owner())).json()
    assert body["freshness"]["state"] == state


async def test_m11_a_run_that_is_under_way_is_told(portal: Any) -> None:
    run = synced.SyncRunStarted(clinic_id="elm", run_id="r1", vendor="avimark", mode="full", started_at=NOON)
    await portal.store.given("feed-elm", run)
    body = (await portal.get("/clinics/elm/home", portal.owner())).json()
    assert (body["freshness"]["state"], body["freshness"]["sync_under_way"]) == ("never", True)


async def test_the_dead_are_shown_as_such_and_not_counted(portal: Any) -> None:
    died = synced.PatientDied(clinic_id="elm", patient_id="2", observed_at=NOON)
    await given_pets(portal, patient("1"), patient("2"))
    await portal.store.given("patient-elm.2", died)
    home = (await portal.get("/clinics/elm/home", portal.owner())).json()
    assert (home["pet_count"], [pet["patient_id"] for pet in home["pets"]]) == (1, ["1"])
    shown = (await portal.get("/clinics/elm/pets", portal.owner())).json()
    assert [(pet["patient_id"], pet["deceased"]) for pet in shown] == [("1", False), ("2", True)]


async def test_deleted_and_inactive_pets_are_not_shown(portal: Any) -> None:
    await given_pets(portal, patient("1"), patient("2", status="deleted"), patient("3", status="inactive"))
    shown = (await portal.get("/clinics/elm/pets", portal.owner())).json()
    assert [pet["patient_id"] for pet in shown] == ["1"]
    assert (await portal.get("/clinics/elm/pets/2", portal.owner())).status_code == 404


async def test_pets_come_in_pages(portal: Any) -> None:
    await given_pets(portal, *(patient(str(number)) for number in range(10, 15)))
    seen, path = [], "/api/portal/v1/clinics/elm/pets?limit=2"
    while path:
        answer = await portal.http.get(path, headers=portal.owner())
        seen.append([pet["patient_id"] for pet in answer.json()])
        path = answer.headers.get("link", "").partition("<")[2].partition(">")[0]
    assert seen == [["10", "11"], ["12", "13"], ["14"]]


@pytest.mark.parametrize(
    ("run", "as_of"),
    [
        (None, "2026-03-01T12:00:00Z"),
        ({"mode": "full"}, "2026-03-02T11:00:00Z"),
        ({"mode": "delta"}, "2026-03-01T12:00:00Z"),
        ({"mode": "full", "hours_ago": 48}, "2026-03-01T12:00:00Z"),
    ],
)
async def test_m11_a_full_run_confirms_what_it_does_not_change(portal: Any, run: Any, as_of: str) -> None:
    await given_pets(portal, patient("1"))
    if run:
        await given_run(portal, **run)
    (pet,) = (await portal.get("/clinics/elm/pets", portal.owner())).json()
    assert (pet["as_of"], pet["vendor"]) == (as_of, "avimark")


async def test_r46_r57_a_pet_shows_its_signalment(portal: Any) -> None:
    await given_pets(portal, patient("1", breeds=(Coded(code="LAB", text="Labrador"),), sex="F", altered="yes"))
    answer = await portal.get("/clinics/elm/pets/1", portal.owner())
    body = answer.json()
    assert (body["name"], body["species"], body["sex"], body["altered"]) == ("Pet 1", "dog", "F", "yes")
    assert body["breeds"] == [{"code": "LAB", "text": "Labrador", "canonical": None}]
    assert "owners" not in body


async def test_r57_nothing_here_can_be_changed(portal: Any) -> None:
    await given_pets(portal, patient("1"))
    await portal.store.given("client-elm.42", client())
    for path in ("/clinics/elm/pets/1", "/clinics/elm/account"):
        for method in ("PUT", "PATCH", "POST", "DELETE"):
            answer = await portal.http.request(method, f"/api/portal/v1{path}", headers=portal.owner(), json={})
            assert answer.status_code == 405


async def test_a_pet_that_has_not_changed_is_not_sent_again_until_a_sync_confirms_it(portal: Any) -> None:
    await given_pets(portal, patient("1"))
    tag = (await portal.get("/clinics/elm/pets/1", portal.owner())).headers["etag"]
    known = portal.owner() | {"If-None-Match": tag}
    assert (await portal.get("/clinics/elm/pets/1", known)).status_code == 304
    await given_run(portal)
    assert (await portal.get("/clinics/elm/pets/1", known)).status_code == 200


async def test_bola_another_owners_pet_and_none_look_the_same(portal: Any) -> None:
    await given_pets(portal, patient("1", owner="43"))
    other = await portal.get("/clinics/elm/pets/1", portal.owner())
    none = await portal.get("/clinics/elm/pets/999", portal.owner())
    assert (other.status_code, other.json()) == (none.status_code, none.json()) == (404, none.json())


async def test_a_former_owner_sees_the_pet_no_more(portal: Any) -> None:
    await given_pets(portal, patient("1"))
    ended = synced.OwnershipEnded(clinic_id="elm", patient_id="1", client_id="42", observed_at=NOON)
    await portal.store.given("patient-elm.1", ended)
    assert (await portal.get("/clinics/elm/pets/1", portal.owner())).status_code == 404
    assert (await portal.get("/clinics/elm/pets", portal.owner())).json() == []


async def test_asvs_8_4_1_the_same_client_id_in_another_clinic_is_somebody_else(portal: Any) -> None:
    await portal.given_clinic("harbor", "Harbor")
    await given_pets(portal, patient("1"), patient("1", clinic_id="harbor", name="Harbor's"))
    at_elm = (await portal.get("/clinics/elm/pets", portal.owner())).json()
    assert [pet["name"] for pet in at_elm] == ["Pet 1"]
    for path in ("home", "pets", "pets/1", "account", "live"):
        assert (await portal.get(f"/clinics/harbor/{path}", portal.owner())).status_code == 404


async def test_r58_the_account_tab_shows_name_and_contacts(portal: Any) -> None:
    await portal.store.given("client-elm.42", client())
    body = (await portal.get("/clinics/elm/account", portal.owner())).json()
    assert (body["first_name"], body["last_name"]) == ("Client", "0042")
    assert [contact["raw"] for contact in body["contacts"]] == ["client0042@example.org"]


async def test_after_erasure_the_account_tab_is_a_tombstone(portal: Any) -> None:
    erased = synced.ClientErased(clinic_id="elm", client_id="42", erased_at=NOON)
    await portal.store.given("client-elm.42", client(), erased)
    answer = await portal.get("/clinics/elm/account", portal.owner())
    assert answer.json()["erased"] is True
    assert "0042" not in answer.text


async def test_a_client_that_was_never_synced_has_no_account_tab(portal: Any) -> None:
    assert (await portal.get("/clinics/elm/account", portal.owner())).status_code == 404


async def test_staff_see_every_patient_of_the_clinic(portal: Any) -> None:
    await portal.given_clinic("harbor", "Harbor")
    await given_pets(
        portal, patient("1"), patient("2", owner="43", status="inactive"), patient("3", clinic_id="harbor")
    )
    every = (await portal.get("/clinics/elm/patients", portal.bearer())).json()
    assert [(line["patient_id"], line["owners"], line["status"]) for line in every] == [
        ("1", ["42"], "active"),
        ("2", ["43"], "inactive"),
    ]
    of_one = (await portal.get("/clinics/elm/patients", portal.bearer(), client_id="43")).json()
    assert [line["patient_id"] for line in of_one] == ["2"]
    counted = await portal.get("/clinics/elm/patients/count", portal.operator())
    assert counted.json() == {"count": 2}
    assert (await portal.get("/clinics/elm/patients/count", portal.bearer(), client_id="42")).json() == {"count": 1}


@pytest.mark.parametrize(
    ("changes", "is_shown"),
    [({}, True), ({"owners": ("43",)}, False), ({"owners": ()}, False), ({"status": "inactive"}, False)],
)
async def test_live_shows_an_owner_their_own_pets_alone(changes: dict[str, Any], is_shown: bool) -> None:
    pet = pets.fold([patient("1")])
    assert pet is not None
    row = {"_id": "elm.1", "_rev": 0, "_clinic": "elm", **pet.model_copy(update=changes).model_dump()}
    shown = shown_live("42", row)
    assert (shown is not None) == is_shown
    assert shown_live("42", {"_id": "elm.1", "_rev": 1, "_clinic": "elm", "_gone": True}) is None


@pytest.mark.parametrize("path", ["home", "pets", "pets/1", "account", "live"])
@pytest.mark.parametrize("role", ["staff", "referring_vet", "specialist", "pims"])
async def test_the_owners_pages_are_for_owners(portal: Any, path: str, role: str) -> None:
    answer = await portal.get(f"/clinics/elm/{path}", portal.bearer(role))
    assert (answer.status_code, answer.json()["code"]) == (403, "role-not-allowed")


@pytest.mark.parametrize("path", ["patients", "patients/count", "accounts"])
@pytest.mark.parametrize("role", ["owner", "referring_vet", "specialist", "pims"])
async def test_the_staffs_pages_are_for_staff(portal: Any, path: str, role: str) -> None:
    answer = await portal.get(f"/clinics/elm/{path}", portal.bearer(role))
    assert (answer.status_code, answer.json()["code"]) == (403, "role-not-allowed")


async def test_an_owner_without_a_client_id_here_sees_nothing(portal: Any) -> None:
    await given_pets(portal, patient("1"))
    headers = portal.bearer("owner", ("elm", "harbor"), client_ids={"harbor": "42"})
    for path in ("home", "pets", "pets/1", "account"):
        assert (await portal.get(f"/clinics/elm/{path}", headers)).status_code == 404
