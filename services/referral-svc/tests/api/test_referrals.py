import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from referral.main import build
from referral.settings import ReferralSettings
from shared.events import referral as events
from shared.testing.api_in_memory import ApiInMemory
from shared.testing.caller import Caller, code_of

CASE: dict[str, Any] = {
    "client": {"name": "Ada Moss", "phone": "555 0100", "email": "ada@moss.example"},
    "patient": {"name": "Rex", "species": "dog", "born_on": "2019-05-01"},
    "history": "Coughs since May.",
    "clinical_signs": "Heart murmur.",
    "documents": [{"kind": "lab_result", "title": "Blood count"}, {"kind": "image", "title": "Thorax, lateral"}],
    "owner_consents": True,
}


@pytest.fixture
def api() -> ApiInMemory:
    return ApiInMemory(build, ReferralSettings())


def vet(api: ApiInMemory, number: int = 1) -> Caller:
    return api.caller("referring_vet", sub=f"vet-{number}")


def submit(api: ApiInMemory, number: int = 1, **changes: Any) -> str:
    answer = vet(api, number).post("/referrals", {**CASE, **changes})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["referral_id"])


@pytest.mark.parametrize("role", ["specialist", "staff"])
def test_r1_r5_a_submitted_case_is_seen_by_the_receiving_practice(api: ApiInMemory, role: str) -> None:
    id_ = submit(api)
    receiving = api.caller(role)
    [line] = receiving.get("/referrals", status="submitted").json()
    assert (line["referral_id"], line["patient"]["name"], line["status"]) == (id_, "Rex", "submitted")
    case = receiving.get(f"/referrals/{id_}").json()
    assert case["client"]["name"] == "Ada Moss"
    assert (case["history"], case["clinical_signs"]) == (CASE["history"], CASE["clinical_signs"])


def test_r3_documents_are_shown_in_the_order_they_were_sent(api: ApiInMemory) -> None:
    case = api.caller("specialist").get(f"/referrals/{submit(api)}").json()
    assert case["documents"] == [
        {"position": 1, "kind": "lab_result", "title": "Blood count"},
        {"position": 2, "kind": "image", "title": "Thorax, lateral"},
    ]


def test_a_case_without_the_owners_consent_is_refused(api: ApiInMemory) -> None:
    answer = vet(api).post("/referrals", {**CASE, "owner_consents": False})
    assert code_of(answer) == (422, "owner-consent-missing")
    unsaid = {name: value for name, value in CASE.items() if name != "owner_consents"}
    assert code_of(vet(api).post("/referrals", unsaid)) == (422, "invalid-request")
    assert api.events() == []


def test_the_vet_of_a_case_is_who_sends_it(api: ApiInMemory) -> None:
    assert code_of(vet(api).post("/referrals", {**CASE, "referring_vet_id": "vet-2"})) == (422, "invalid-request")
    assert api.caller("specialist").get(f"/referrals/{submit(api)}").json()["referring_vet_id"] == "vet-1"


def test_a_case_that_is_sent_twice_is_one_case(api: ApiInMemory) -> None:
    first, second = (vet(api).post("/referrals", CASE, key="same") for _ in range(2))
    assert first.json() == second.json()
    assert len(api.events()) == 1


def test_the_clients_contact_is_stored_encrypted(api: ApiInMemory) -> None:
    submit(api)
    stored = b"".join(event.data for event in api.store.log)
    assert b"Rex" in stored
    assert b"Ada" not in stored
    assert b"555 0100" not in stored
    assert b"moss.example" not in stored


def test_an_erased_client_leaves_the_patients_case(api: ApiInMemory) -> None:
    id_ = submit(api)
    asyncio.run(api.store.codec._keys.erase(f"referralclient:elm.{id_}"))
    case = api.caller("specialist").get(f"/referrals/{id_}").json()
    assert case["client"] is None
    assert case["patient"]["name"] == "Rex"


def test_r12_a_referring_vet_sees_own_cases_on_one_screen(api: ApiInMemory) -> None:
    own = {submit(api, 1), submit(api, 1)}
    submit(api, 2)
    lines = vet(api, 1).get("/referrals").json()
    assert {line["referral_id"] for line in lines} == own
    assert len(api.caller("specialist").get("/referrals").json()) == 3


def test_another_vets_case_cannot_be_told_from_none(api: ApiInMemory) -> None:
    real, made_up = (vet(api, 2).get(f"/referrals/{id_}") for id_ in (submit(api, 1), "f" * 32))
    assert code_of(real) == code_of(made_up) == (404, "not-found")
    assert real.json() == made_up.json()


def test_r13_the_referring_vet_follows_the_status(api: ApiInMemory) -> None:
    first, second = submit(api), submit(api)
    specialist = api.caller("specialist")
    specialist.post(f"/referrals/{first}/accept", if_match=0)
    specialist.post(f"/referrals/{second}/decline", {"reason": "No cardiologist until July."}, if_match=0)
    assert vet(api).get(f"/referrals/{first}").json()["status"] == "accepted"
    declined = vet(api).get(f"/referrals/{second}").json()
    assert (declined["status"], declined["decline_reason"]) == ("declined", "No cardiologist until July.")


def test_an_answer_needs_the_revision_that_was_read(api: ApiInMemory) -> None:
    path = f"/referrals/{submit(api)}"
    specialist = api.caller("specialist")
    assert specialist.get(path).headers["ETag"] == '"0"'
    assert specialist.with_headers(**{"If-None-Match": '"0"'}).get(path).status_code == 304
    assert code_of(specialist.post(path + "/accept")) == (428, "if-match-required")
    assert specialist.post(path + "/accept", if_match=0).headers["ETag"] == '"1"'
    late = {"reason": "Full."}
    assert code_of(specialist.post(path + "/decline", late, if_match=0)) == (412, "revision-mismatch")
    assert code_of(specialist.post(path + "/decline", late, if_match=1)) == (409, "referral-already-accepted")


def test_accepting_twice_changes_nothing(api: ApiInMemory) -> None:
    path = f"/referrals/{submit(api)}/accept"
    assert api.caller("specialist").post(path, if_match=0).json()["revision"] == 1
    assert api.caller("staff").post(path, if_match=1).json()["revision"] == 1
    assert isinstance(api.events()[-1], events.ReferralAccepted)


def test_a_lost_answer_is_repeated_under_its_key(api: ApiInMemory) -> None:
    path = f"/referrals/{submit(api)}/accept"
    specialist = api.caller("specialist")
    answers = [specialist.post(path, key="same", if_match=0) for _ in range(2)]
    assert [answer.json()["revision"] for answer in answers] == [1, 1]


def test_a_case_that_is_not_there_is_404_for_every_command(api: ApiInMemory) -> None:
    path = f"/referrals/{submit(api)}"
    oak = api.caller("specialist", clinic="oak")
    assert code_of(oak.get(path)) == (404, "not-found")
    assert code_of(oak.post(path + "/accept", if_match=0)) == (404, "not-found")
    assert code_of(oak.post(path + "/decline", {"reason": "x"}, if_match=0)) == (404, "not-found")
    stranger = Caller(api.client, "clinics/elm", oak.headers)
    assert code_of(stranger.get(path)) == code_of(stranger.get("/referrals")) == (404, "not-found")


Attempt = Callable[[ApiInMemory], Any]
ATTEMPTS: list[Attempt] = [
    lambda api: api.owner().get("/referrals"),
    lambda api: api.caller("pims").get("/referrals"),
    lambda api: api.caller("specialist").post("/referrals", CASE),
    lambda api: vet(api).post(f"/referrals/{'f' * 32}/accept", if_match=0),
    lambda api: vet(api).post(f"/referrals/{'f' * 32}/decline", {"reason": "x"}, if_match=0),
]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_each_role_has_its_own_doors(api: ApiInMemory, attempt: Attempt) -> None:
    assert code_of(attempt(api)) == (403, "role-not-allowed")
