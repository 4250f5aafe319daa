from typing import Any

import pytest
from httpx2 import URL

from messaging.main import build
from messaging.settings import MessagingSettings
from shared.testing.api_in_memory import ApiInMemory
from shared.testing.caller import Caller, code_of

BODY = {"number": "+15550001111", "auth_token": "a" * 32}


@pytest.fixture
def api() -> ApiInMemory:
    return ApiInMemory(build, MessagingSettings(public_url="https://portal.example"))


def test_a_number_is_listed_without_its_secret(api: ApiInMemory) -> None:
    first = api.caller().post("/sending-numbers", BODY)
    assert (first.status_code, first.json()["number"]) == (201, "+15550001111")
    listed = api.caller().get("/sending-numbers", after=f"{first.json()['stream']}@0")
    assert [line["number"] for line in listed.json()] == ["+15550001111"]
    assert "a" * 32 not in listed.text + first.text


def test_numbers_come_in_pages(api: ApiInMemory) -> None:
    numbers = [f"+1555000111{digit}" for digit in range(3)]
    for number in numbers:
        assert api.caller().post("/sending-numbers", {**BODY, "number": number}).status_code == 201
    first = api.caller().get("/sending-numbers", limit=2)
    rest = api.caller().get("/sending-numbers", limit=2, cursor=URL(first.links["next"]["url"]).params["cursor"])
    assert [line["number"] for line in first.json() + rest.json()] == numbers
    assert "next" not in rest.links


def test_registering_again_changes_nothing(api: ApiInMemory) -> None:
    answers = [api.caller().post("/sending-numbers", BODY).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(api.events()) == 1


def test_a_number_is_one_clinics_only(api: ApiInMemory) -> None:
    api.caller().post("/sending-numbers", BODY)
    oak = api.caller(clinic="oak")
    assert code_of(oak.post("/sending-numbers", BODY)) == (409, "number-taken")
    assert oak.get("/sending-numbers").json() == []
    assert code_of(oak.post("/sending-numbers/+15550001111/release")) == (404, "not-found")


def test_a_released_number_is_free(api: ApiInMemory) -> None:
    api.caller().post("/sending-numbers", BODY)
    assert api.caller().post("/sending-numbers/+15550001111/release").status_code == 200
    assert api.caller().get("/sending-numbers").json() == []
    assert api.caller(clinic="oak").post("/sending-numbers", BODY).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "5550001111"},
        {"number": "+15550001111\n"},
        {"auth_token": "sesame"},
        {"auth_token": "é" * 20},
        {"x": 1},
    ],
)
def test_what_is_no_number_or_no_secret_is_refused(api: ApiInMemory, changes: dict[str, Any]) -> None:
    answer = api.caller().post("/sending-numbers", {**BODY, **changes})
    assert code_of(answer) == (422, "invalid-request")
    assert "sesame" not in answer.text


@pytest.mark.parametrize("role", ["owner", "referring_vet", "specialist", "pims"])
def test_only_staff_see_and_keep_numbers_and_consents(api: ApiInMemory, role: str) -> None:
    who = api.caller(role)
    assert code_of(who.get("/sending-numbers")) == (403, "role-not-allowed")
    assert code_of(who.post("/sending-numbers", BODY)) == (403, "role-not-allowed")
    assert code_of(who.get("/sms-consents", phone="+15552223333")) == (403, "role-not-allowed")


def test_another_clinic_is_not_there(api: ApiInMemory) -> None:
    stranger = Caller(api.client, "clinics/elm", api.mint.headers("staff", ("oak",)))
    assert code_of(stranger.get("/sms-consents", phone="+15552223333")) == (404, "not-found")


@pytest.mark.parametrize("phone", ["+15552223333", " 15552223333", "15552223333"])
def test_a_phone_may_be_asked_for_without_an_encoded_plus(api: ApiInMemory, phone: str) -> None:
    assert api.caller().get("/sms-consents", phone=phone).json() == {"is_opted_out": False, "numbers": []}


def test_what_is_no_phone_is_refused(api: ApiInMemory) -> None:
    assert code_of(api.caller().get("/sms-consents", phone="call me")) == (422, "invalid-request")
    assert code_of(api.caller().get("/sms-consents")) == (422, "invalid-request")
