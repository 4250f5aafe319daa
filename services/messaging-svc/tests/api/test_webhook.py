"""Security C.5; sms-rules 19, 20."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest
from httpx2 import Response

from messaging.api.twilio_signature import signature
from messaging.main import build
from messaging.settings import MessagingSettings
from shared.events import messaging as events
from shared.testing.api_in_memory import ApiInMemory
from shared.testing.caller import code_of

PATH = "/api/messaging/v1/webhooks/twilio"
NUMBER, PHONE, SECRET = "+15550001111", "+15552223333", "a" * 32


@pytest.fixture
def api() -> ApiInMemory:
    return ApiInMemory(build, MessagingSettings(public_url="https://portal.example"))


@pytest.fixture
def elm(api: ApiInMemory) -> ApiInMemory:
    """A clinic with a number."""
    answer = api.caller().post("/sending-numbers", {"number": NUMBER, "auth_token": SECRET})
    assert answer.status_code == 201, answer.text
    return api


def deliver(
    api: ApiInMemory, body: str, sid: str = "SM1", secret: str = SECRET, query: str = "", **fields: str
) -> Response:
    form = {"From": PHONE, "To": NUMBER, "Body": body, "MessageSid": sid, "AccountSid": "AC1", **fields}
    signed = signature(secret, f"https://portal.example{PATH}{query}", form.items())
    return send(api, urlencode(form), signed, query)


def send(api: ApiInMemory, body: str | bytes, signed: str = "", query: str = "", **headers: str) -> Response:
    content_type = headers.pop("content_type", "application/x-www-form-urlencoded")
    given = {"Content-Type": content_type, "X-Twilio-Signature": signed}
    return api.client.post(f"http://testserver{PATH}{query}", content=body, headers=given)


def indicator(api: ApiInMemory, phone: str = PHONE, clinic: str = "elm") -> Any:
    return api.caller(clinic=clinic).get("/sms-consents", phone=phone).json()


def texts(api: ApiInMemory) -> list[events.SmsReceived]:
    return [event for event in api.events() if isinstance(event, events.SmsReceived)]


def test_r82_r83_r84_a_stop_shows_and_a_start_clears_it(elm: ApiInMemory) -> None:
    assert indicator(elm) == {"is_opted_out": False, "numbers": []}
    answer = deliver(elm, "STOP", "SM1")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    shown = indicator(elm)
    assert shown["is_opted_out"]
    assert [(each["number"], each["is_opted_out"]) for each in shown["numbers"]] == [(NUMBER, True)]
    deliver(elm, "Start", "SM2")
    assert not indicator(elm)["is_opted_out"]


def test_sms_rules_7_the_answer_tells_the_provider_to_send_nothing(elm: ApiInMemory) -> None:
    assert deliver(elm, "STOP").text.endswith("<Response/>")


def test_a_redelivery_changes_nothing(elm: ApiInMemory) -> None:
    for _ in range(2):
        deliver(elm, "STOP", "SM1")
    deliver(elm, "START", "SM2")
    assert deliver(elm, "STOP", "SM1").status_code == 200
    assert len(texts(elm)) == 2
    assert not indicator(elm)["is_opted_out"]


def test_the_consent_is_of_the_pair_of_numbers(elm: ApiInMemory) -> None:
    deliver(elm, "STOP")
    assert not indicator(elm, "+15559998888")["is_opted_out"]
    [stream] = {stored.stream for stored in elm.store.log if stored.stream.startswith("smsconsent")}
    assert stream.startswith("smsconsent-elm.15550001111.")


def test_phone_text_and_secret_are_stored_encrypted(elm: ApiInMemory) -> None:
    deliver(elm, "My secret marker")
    stored = b"".join(event.stream.encode() + event.data for event in elm.store.log)
    for plain in (PHONE, PHONE.removeprefix("+"), "secret marker", SECRET):
        assert plain.encode() not in stored
    [text] = texts(elm)
    assert (text.phone, text.body) == (PHONE, "My secret marker")


def test_the_same_phone_has_another_index_in_another_clinic(elm: ApiInMemory) -> None:
    other = "+15550002222"
    elm.caller(clinic="oak").post("/sending-numbers", {"number": other, "auth_token": SECRET})
    deliver(elm, "STOP", "SM1")
    deliver(elm, "hello", "SM2", To=other)
    first, second = texts(elm)
    assert (first.clinic_id, second.clinic_id) == ("elm", "oak")
    assert first.phone_index != second.phone_index
    assert not indicator(elm, clinic="oak")["is_opted_out"]


def test_a_wrong_signature_is_401_and_nothing_is_kept(elm: ApiInMemory) -> None:
    answer = deliver(elm, "STOP marker", secret="b" * 32)
    assert code_of(answer) == (401, "signature-invalid")
    assert "WWW-Authenticate" in answer.headers
    assert "marker" not in answer.text
    assert texts(elm) == []


def test_an_unknown_number_cannot_be_told_from_a_wrong_signature(elm: ApiInMemory) -> None:
    unknown = deliver(elm, "STOP", To="+15557776666")
    wrong = deliver(elm, "STOP", secret="b" * 32)
    assert unknown.json() == wrong.json()
    assert code_of(deliver(elm, "STOP", To="nonsense")) == (401, "signature-invalid")


def test_fields_that_are_not_known_yet_are_signed_too(elm: ApiInMemory) -> None:
    assert deliver(elm, "hello", BrandNewField="é &=+").status_code == 200
    assert deliver(elm, "hello", "SM2", query="?bodySource=x").status_code == 200


def test_a_replaced_secret_is_the_one_that_counts(elm: ApiInMemory) -> None:
    elm.caller().post("/sending-numbers", {"number": NUMBER, "auth_token": "c" * 32})
    assert deliver(elm, "STOP").status_code == 401
    assert deliver(elm, "STOP", secret="c" * 32).status_code == 200


def test_nobodys_texts_are_refused_after_the_release(elm: ApiInMemory) -> None:
    assert elm.caller().post("/sending-numbers/15550001111/release").status_code == 200
    assert deliver(elm, "STOP").status_code == 401


def test_an_erased_secret_lets_nobody_in(elm: ApiInMemory) -> None:
    asyncio.run(elm.store.codec._keys.erase(f"sendingnumber:{NUMBER}"))
    assert deliver(elm, "STOP").status_code == 401
    assert deliver(elm, "STOP", secret="").status_code == 401


@pytest.mark.parametrize("missing", ["From", "MessageSid"])
def test_a_genuine_form_that_is_no_text_is_422(elm: ApiInMemory, missing: str) -> None:
    assert code_of(deliver(elm, "hello", **{missing: ""})) == (422, "not-a-text")


def test_a_field_that_is_doubled_is_not_guessed_about(elm: ApiInMemory) -> None:
    fields = [("From", PHONE), ("From", "+15559998888"), ("To", NUMBER), ("Body", "STOP"), ("MessageSid", "SM1")]
    signed = signature(SECRET, f"https://portal.example{PATH}", fields)
    assert code_of(send(elm, urlencode(fields), signed)) == (422, "not-a-text")


def test_what_the_provider_took_for_a_stop_is_one(elm: ApiInMemory) -> None:
    deliver(elm, "Basta", OptOutType="STOP")
    assert indicator(elm)["is_opted_out"]


def test_bodies_that_are_no_form_are_refused_before_any_signature(elm: ApiInMemory) -> None:
    assert code_of(send(elm, "{}", content_type="application/json")) == (415, "unsupported-media-type")
    assert code_of(send(elm, b"Body=\xff")) == (400, "form-malformed")
    assert code_of(send(elm, "Body=%FF")) == (400, "form-malformed")
    assert code_of(send(elm, "&".join(f"a{i}=1" for i in range(201)))) == (400, "form-malformed")
    assert send(elm, "Body=" + "x" * 70_000).status_code == 413


def test_a_media_type_with_a_charset_is_a_form_too(elm: ApiInMemory) -> None:
    assert send(elm, "To=x", content_type="application/x-www-form-urlencoded; charset=UTF-8").status_code == 401
