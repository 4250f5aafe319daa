"""A referring vet submits a case, the specialist answers, through the gateway only (R1-R3, R5, R12, R13)."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.testing.caller import code_of
from shared.testing.gateway import Gateway, gateway_of
from shared.testing.running import RunningSystem

PATH = "/api/referral/v1/clinics/elm/referrals"
CASE: dict[str, Any] = {
    "client": {"name": "Ines Oak", "phone": "(518) 555-0142"},
    "patient": {"name": "Zoë", "species": "dog", "born_on": "2019-03-21"},
    "history": "Coughs since May.",
    "clinical_signs": "Heart murmur, grade III.",
    "documents": [{"kind": "image", "title": "Thorax, lateral"}, {"kind": "lab_result", "title": "Blood count"}],
    "owner_consents": True,
}


@pytest.fixture
def gateway(system: RunningSystem) -> Iterator[Gateway]:
    with gateway_of(system) as found:
        yield found


def test_r1_r5_a_submitted_case_is_seen_by_the_specialist(gateway: Gateway) -> None:
    vet, specialist = gateway.person("elm", "referring_vet"), gateway.person("elm", "specialist")
    submitted = vet.post(PATH, CASE)
    case = specialist.read(f"{PATH}/{submitted.json()['referral_id']}", submitted)
    assert case.status_code == 200, case.text
    assert case.json()["client"]["name"] == "Ines Oak"
    assert case.json()["patient"]["name"] == "Zoë"
    assert [document["title"] for document in case.json()["documents"]] == ["Thorax, lateral", "Blood count"]
    assert case.headers["ETag"] == '"0"'


def test_r12_r13_the_referring_vet_follows_the_specialists_answer(gateway: Gateway) -> None:
    vet, specialist = gateway.person("elm", "referring_vet"), gateway.person("elm", "specialist")
    referral_id = vet.post(PATH, CASE).json()["referral_id"]
    accepted = specialist.post(f"{PATH}/{referral_id}/accept", if_match=0)
    seen = vet.read(f"{PATH}/{referral_id}", accepted)
    assert (seen.status_code, seen.json()["status"]) == (200, "accepted")
    late = specialist.post(f"{PATH}/{referral_id}/decline", {"reason": "Full."}, if_match=1)
    assert code_of(late) == (409, "referral-already-accepted")


def test_an_owner_has_no_door_to_referrals(gateway: Gateway) -> None:
    assert code_of(gateway.person("elm", "owner").get(PATH)) == (403, "role-not-allowed")
    assert gateway.anonymous().get(PATH).status_code == 401
