from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import URL

from scheduling.main import build
from scheduling.settings import SchedulingSettings
from shared.chassis import clock
from shared.events import pims_sync
from shared.events import scheduling as events
from shared.testing.api_in_memory import ApiInMemory
from shared.testing.caller import Caller, code_of


@pytest.fixture
def api() -> ApiInMemory:
    return ApiInMemory(build, SchedulingSettings())


@pytest.fixture
def desk(api: ApiInMemory) -> ApiInMemory:
    """A clinic with one reason and one patient: 42, of client 7."""
    given_patient(api, "42", "7")
    add_reason(api)
    return api


def given_patient(api: ApiInMemory, patient_id: str, *client_ids: str, dead: bool = False) -> None:
    synced = pims_sync.PatientSynced(
        clinic_id="elm",
        patient_id=patient_id,
        vendor="avimark",
        owners=tuple(pims_sync.Ownership(client_id=c) for c in client_ids),
        death=pims_sync.Death(known=dead),
        fingerprint="f",
        observed_at=clock.now(),
    )
    api.given(f"patient-elm.{patient_id}", synced)


def add_reason(api: ApiInMemory, name: str = "Check-up", clinic: str = "elm") -> str:
    return str(api.caller(clinic=clinic).post("/appointment-reasons", {"name": name}).json()["reason_id"])


def reason_of(api: ApiInMemory) -> str:
    return str(api.owner().get("/appointment-reasons").json()[0]["reason_id"])


def wish(api: ApiInMemory, **changes: Any) -> dict[str, Any]:
    on = (clock.now() + timedelta(days=7)).date().isoformat()
    asked = {"patient_id": "42", "on": on, "part_of_day": "morning", "reason_id": reason_of(api), "message": "Limps."}
    return {**asked, **changes}


def ask(api: ApiInMemory, **changes: Any) -> str:
    answer = api.owner().post("/appointments", wish(api, **changes))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["appointment_id"])


def test_r85_r90_a_request_is_on_the_clinics_list(desk: ApiInMemory) -> None:
    answer = desk.owner().post("/appointments", wish(desk))
    assert answer.status_code == 201
    appointment_id = answer.json()["appointment_id"]
    assert answer.json()["stream"] == f"appointment-elm.{appointment_id}"
    after = f"{answer.json()['stream']}@{answer.json()['revision']}"
    [item] = desk.caller().get("/appointment-requests", after=after, status="requested").json()
    assert item["appointment_id"] == appointment_id
    assert (item["status"], item["reason_name"], item["message"], item["client_id"]) == (
        "requested",
        "Check-up",
        "Limps.",
        "7",
    )


def test_t8_a_request_without_a_reason_is_not_understood(desk: ApiInMemory) -> None:
    incomplete = {name: value for name, value in wish(desk).items() if name != "reason_id"}
    assert code_of(desk.owner().post("/appointments", incomplete)) == (422, "invalid-request")


def test_a_repeated_request_happens_once(desk: ApiInMemory) -> None:
    asked = wish(desk)
    first, second = (desk.owner().post("/appointments", asked, key="same") for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(desk.caller().get("/appointment-requests").json()) == 1


def test_what_the_owner_wrote_is_stored_encrypted(desk: ApiInMemory) -> None:
    ask(desk, message="My secret marker")
    assert not any(b"secret marker" in stored.data for stored in desk.store.log)


def test_r91_without_a_reason_nothing_can_be_requested(api: ApiInMemory) -> None:
    given_patient(api, "42", "7")
    body = {"patient_id": "42", "on": "2026-12-01", "part_of_day": "morning", "reason_id": "f" * 32}
    assert code_of(api.owner().post("/appointments", body)) == (409, "no-active-reason")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reason_id": "f" * 32}, "unknown-reason"),
        ({"on": "2020-01-01"}, "date-in-the-past"),
        ({"on": "2099-01-01"}, "beyond-horizon"),
        ({"patient_id": "43"}, "unknown-patient"),
    ],
)
def test_a_request_that_cannot_be_is_refused(desk: ApiInMemory, changes: dict[str, Any], code: str) -> None:
    before = len(desk.events())
    assert code_of(desk.owner().post("/appointments", wish(desk, **changes))) == (422, code)
    assert len(desk.events()) == before


def test_an_owner_books_for_own_and_living_pets_only(desk: ApiInMemory) -> None:
    given_patient(desk, "50", "8")
    given_patient(desk, "51", "7", dead=True)
    assert code_of(desk.owner().post("/appointments", wish(desk, patient_id="50"))) == (422, "unknown-patient")
    assert code_of(desk.owner().post("/appointments", wish(desk, patient_id="51"))) == (409, "patient-deceased")


def test_an_owner_sees_own_appointments_only(desk: ApiInMemory) -> None:
    ask(desk)
    assert len(desk.owner("7").get("/appointments").json()) == 1
    assert desk.owner("8").get("/appointments").json() == []


def test_another_clinics_list_is_not_there(desk: ApiInMemory) -> None:
    ask(desk)
    stranger = Caller(desk.client, "clinics/elm", desk.mint.headers("staff", ("oak",)))
    assert code_of(stranger.get("/appointment-requests")) == (404, "not-found")
    assert desk.caller(clinic="oak").get("/appointment-requests").json() == []


def test_the_list_comes_in_pages(desk: ApiInMemory) -> None:
    ids = {ask(desk) for _ in range(3)}
    first = desk.caller().get("/appointment-requests", limit=2)
    cursor = URL(first.links["next"]["url"]).params["cursor"]
    rest = desk.caller().get("/appointment-requests", limit=2, cursor=cursor)
    assert "next" not in rest.links
    assert len(first.json()) == 2
    assert {item["appointment_id"] for item in first.json() + rest.json()} == ids


def soon() -> str:
    return (clock.now() + timedelta(days=7)).isoformat()


def test_staff_confirm_with_the_revision_they_saw(desk: ApiInMemory) -> None:
    path = f"/appointment-requests/{ask(desk)}"
    staff = desk.caller()
    assert staff.get(path).headers["ETag"] == '"0"'
    assert staff.with_headers(**{"If-None-Match": '"0"'}).get(path).status_code == 304
    assert staff.post(path + "/confirm", {"starts_at": soon()}, if_match=0).headers["ETag"] == '"1"'
    [own] = desk.owner().get("/appointments").json()
    assert own["status"] == "confirmed"
    assert own["starts_at"] is not None


def test_a_confirmation_without_a_revision_is_428_and_with_an_old_one_412(desk: ApiInMemory) -> None:
    id_ = ask(desk)
    path = f"/appointment-requests/{id_}/confirm"
    assert code_of(desk.caller().post(path, {"starts_at": soon()})) == (428, "if-match-required")
    desk.owner().post(f"/appointments/{id_}/cancel")
    assert code_of(desk.caller().post(path, {"starts_at": soon()}, if_match=0)) == (412, "revision-mismatch")
    late = desk.caller().post(path, {"starts_at": soon()}, if_match=1)
    assert code_of(late) == (409, "appointment-already-cancelled")


def test_staff_decline_with_a_word_to_the_owner(desk: ApiInMemory) -> None:
    path = f"/appointment-requests/{ask(desk)}/decline"
    assert desk.caller().post(path, {"explanation": "We are full."}, if_match=0).status_code == 200
    [own] = desk.owner().get("/appointments").json()
    assert (own["status"], own["explanation"]) == ("declined", "We are full.")


def test_cancelling_twice_changes_nothing(desk: ApiInMemory) -> None:
    path = f"/appointments/{ask(desk)}/cancel"
    first, second = desk.owner().post(path), desk.owner().post(path)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert isinstance(desk.events()[-1], events.AppointmentCancelled)


def test_another_owner_cannot_tell_an_appointment_from_none(desk: ApiInMemory) -> None:
    real, made_up = f"/appointments/{ask(desk)}/cancel", f"/appointments/{'f' * 32}/cancel"
    answers = [desk.owner("8").post(path) for path in (real, made_up)]
    assert [code_of(answer) for answer in answers] == [(404, "not-found")] * 2
    assert answers[0].json() == answers[1].json()


def test_another_clinics_appointment_is_404_for_every_command(desk: ApiInMemory) -> None:
    path = f"/appointment-requests/{ask(desk)}"
    oak = desk.caller(clinic="oak")
    assert code_of(oak.get(path)) == (404, "not-found")
    assert code_of(oak.post(path + "/confirm", {"starts_at": soon()}, if_match=0)) == (404, "not-found")
    assert code_of(oak.post(path + "/decline", {}, if_match=0)) == (404, "not-found")


Attempt = Callable[[ApiInMemory], Any]
ATTEMPTS: list[Attempt] = [
    lambda api: api.owner().get("/appointment-requests"),
    lambda api: api.owner().post(f"/appointment-requests/{'f' * 32}/confirm", {"starts_at": soon()}, if_match=0),
    lambda api: api.caller().get("/appointments"),
    lambda api: api.caller("referring_vet").get("/appointment-requests"),
    lambda api: api.caller("pims").post("/appointments", {}),
]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_each_role_has_its_own_doors(desk: ApiInMemory, attempt: Attempt) -> None:
    assert code_of(attempt(desk)) == (403, "role-not-allowed")
