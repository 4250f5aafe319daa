from datetime import timedelta

from messaging.projections.sending_number import SendingNumberLine, sending_numbers
from messaging.projections.sms_consent import SmsConsent, sms_consents
from shared.events import messaging as events
from shared.testing.clocks import NOON
from shared.testing.projection_spec import ProjectionSpec

consents = ProjectionSpec(sms_consents)
numbers = ProjectionSpec(sending_numbers)
NUMBER, INDEX = "+15550001111", "abc"
LATER = NOON + timedelta(hours=1)


def received(message_id: str) -> events.SmsReceived:
    return events.SmsReceived(
        clinic_id="elm",
        number=NUMBER,
        phone_index=INDEX,
        message_id=message_id,
        keyword=None,
        phone="+15552223333",
        body="Hello",
        sent_at=NOON,
        received_at=NOON,
    )


opted_out = events.SmsOptedOut(clinic_id="elm", number=NUMBER, phone_index=INDEX, message_id="SM1", opted_out_at=NOON)
opted_in = events.SmsOptedIn(clinic_id="elm", number=NUMBER, phone_index=INDEX, message_id="SM2", opted_in_at=LATER)


def consent(is_opted_out: bool, **more: object) -> SmsConsent:
    return SmsConsent.model_validate({"number": NUMBER, "phone_index": INDEX, "is_opted_out": is_opted_out, **more})


def test_a_phone_that_only_wrote_is_not_opted_out() -> None:
    consents.given(received("SM1")).then(consent(False))


def test_r82_the_indicator_shows_an_opt_out() -> None:
    consents.given(received("SM1"), opted_out).then(consent(True, since=NOON))


def test_r84_the_indicator_clears_by_itself() -> None:
    consents.given(received("SM1"), opted_out, received("SM2"), opted_in).then(consent(False, since=LATER))


def test_the_indicator_holds_no_phone_and_no_text() -> None:
    view = consents.given(received("SM1"), opted_out).view()
    assert view is not None
    assert "5552223333" not in view.model_dump_json()
    assert "Hello" not in view.model_dump_json()


registered = events.SendingNumberRegistered(clinic_id="elm", number=NUMBER, auth_token="secret", registered_at=NOON)
replaced = events.SendingNumberSecretReplaced(clinic_id="elm", number=NUMBER, auth_token="other", replaced_at=LATER)
released = events.SendingNumberReleased(clinic_id="elm", number=NUMBER, released_at=LATER)
line = SendingNumberLine(clinic_id="elm", number=NUMBER, registered_at=NOON, secret_set_at=NOON)


def test_a_registered_number_is_listed_without_its_secret() -> None:
    numbers.given(registered).then(line)
    numbers.given(registered, replaced).then(line.model_copy(update={"secret_set_at": LATER}))
    assert "secret" not in line.model_dump().values()


def test_a_released_number_is_gone_until_it_is_somebodys_again() -> None:
    oaks = registered.model_copy(update={"clinic_id": "oak"})
    numbers.given(registered, released).then(None)
    numbers.given(registered, released, oaks).then(line.model_copy(update={"clinic_id": "oak"}))
