"""What happened to text messages: whose numbers are whose, what came in, who may be texted.

A phone is known by its index: `blind_index(token secret, "phone/<clinic>", E.164)`. It is the same in every service,
differs between clinics, and tells nothing to anybody without the secret.
"""

from datetime import datetime
from typing import Literal

from shared.events.base import Event, Personal, event_type

_NUMBER = "sendingnumber:{number}"
_PHONE = "phone:{clinic_id}.{phone_index}"
Keyword = Literal["stop", "start", "help"]


@event_type("messaging.SendingNumberRegistered.v1", subject=_NUMBER)
class SendingNumberRegistered(Event):
    """Texts to `number` (E.164) are the clinic's. `auth_token`, its provider's secret, is sealed like personal data."""

    clinic_id: str
    number: str
    auth_token: Personal[str] = None
    registered_at: datetime


@event_type("messaging.SendingNumberSecretReplaced.v1", subject=_NUMBER)
class SendingNumberSecretReplaced(Event):
    """The provider signs with another secret from now on."""

    clinic_id: str
    number: str
    auth_token: Personal[str] = None
    replaced_at: datetime


@event_type("messaging.SendingNumberReleased.v1")
class SendingNumberReleased(Event):
    """The clinic gave the number up; another one may register it."""

    clinic_id: str
    number: str
    released_at: datetime


@event_type("messaging.SmsReceived.v1", subject=_PHONE)
class SmsReceived(Event):
    """A text from `phone` to the clinic's `number`. `sent_at` is the provider's time if it tells one, else ours.

    `keyword` is what the whole text amounts to, None for an ordinary one.
    """

    clinic_id: str
    number: str
    phone_index: str
    message_id: str
    keyword: Keyword | None
    phone: Personal[str] = None
    body: Personal[str] = None
    sent_at: datetime
    received_at: datetime


@event_type("messaging.SmsOptedOut.v1")
class SmsOptedOut(Event):
    """The clinic must not text this phone from this number any more (47 CFR 64.1200(a)(10))."""

    clinic_id: str
    number: str
    phone_index: str
    message_id: str
    opted_out_at: datetime


@event_type("messaging.SmsOptedIn.v1")
class SmsOptedIn(Event):
    """The opt-out was taken back by the phone itself (R83)."""

    clinic_id: str
    number: str
    phone_index: str
    message_id: str
    opted_in_at: datetime


NumberEvent = SendingNumberRegistered | SendingNumberSecretReplaced | SendingNumberReleased
ConsentEvent = SmsReceived | SmsOptedOut | SmsOptedIn
