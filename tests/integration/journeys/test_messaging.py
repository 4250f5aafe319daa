"""A signed STOP shows as opt-out indicator, START clears it, through the gateway only (R82-R84, security C.5)."""

import hmac
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from random import SystemRandom
from uuid import uuid4

import httpx2
import pytest

from shared.testing.caller import Caller, code_of
from shared.testing.gateway import Gateway, eventually_equal, gateway_of
from shared.testing.running import RunningSystem

PATH = "/api/messaging/v1/clinics/elm"
WEBHOOK = "/api/messaging/v1/webhooks/twilio"


@pytest.fixture
def gateway(system: RunningSystem) -> Iterator[Gateway]:
    with gateway_of(system) as found:
        yield found


def some_number() -> str:
    return f"+1555{SystemRandom().randrange(10**7):07}"


@dataclass(frozen=True)
class Provider:
    """Delivers texts from `phone` to `number` and signs them as Twilio does."""

    gateway: Gateway
    number: str
    phone: str
    secret: str

    def deliver(self, body: str, secret: str = "") -> httpx2.Response:
        form = {"To": self.number, "From": self.phone, "Body": body, "MessageSid": f"SM{uuid4().hex}", "NumMedia": "0"}
        text = self.gateway.system.gateway + WEBHOOK + "".join(name + form[name] for name in sorted(form))
        digest = hmac.digest((secret or self.secret).encode(), text.encode(), "sha1")
        headers = {"X-Twilio-Signature": b64encode(digest).decode()}
        return self.gateway.http.post(WEBHOOK, data=form, headers=headers)


@pytest.fixture
def staff(gateway: Gateway) -> Caller:
    return gateway.person("elm", "staff")


@pytest.fixture
def provider(gateway: Gateway, staff: Caller) -> Provider:
    """A number that the clinic registered on the spot."""
    provider = Provider(gateway, some_number(), some_number(), uuid4().hex)
    body = {"number": provider.number, "auth_token": provider.secret}
    answer = staff.post(f"{PATH}/sending-numbers", body)
    assert answer.status_code == 201, answer.text
    return provider


def test_r82_r83_r84_stop_shows_and_start_clears_the_indicator(staff: Caller, provider: Provider) -> None:
    def indicator() -> bool:
        return bool(staff.get(f"{PATH}/sms-consents", phone=provider.phone).json()["is_opted_out"])

    assert not indicator()
    assert provider.deliver("“Stop”").status_code == 200
    eventually_equal(indicator, True)
    assert provider.deliver("stop please, I mean it").status_code == 200
    assert provider.deliver("Start").status_code == 200
    eventually_equal(indicator, False)


def test_a_text_that_is_not_signed_by_the_provider_is_refused(provider: Provider) -> None:
    forged = provider.deliver("STOP marker", secret="another")
    assert code_of(forged) == (401, "signature-invalid")
    assert "marker" not in forged.text


def test_the_clinics_numbers_are_listed_without_their_secrets(staff: Caller, provider: Provider) -> None:
    def numbers() -> bool:
        listed = staff.get(f"{PATH}/sending-numbers", limit=200)
        assert provider.secret not in listed.text
        return provider.number in {line["number"] for line in listed.json()}

    eventually_equal(numbers, True)
