"""Whether a phone may be texted from a number: what the opt-out indicator shows (R82, R84)."""

from datetime import datetime

from pydantic import BaseModel

from shared.events import messaging as events
from shared.kernel.decider import Projection


class SmsConsent(BaseModel):
    """Of one phone, known by its index only. `since`: when it was last opted out or in; None if it never was out."""

    number: str
    phone_index: str
    is_opted_out: bool = False
    since: datetime | None = None


def evolve(view: SmsConsent | None, event: events.ConsentEvent) -> SmsConsent:
    consent = view or SmsConsent(number=event.number, phone_index=event.phone_index)
    match event:
        case events.SmsReceived():
            return consent
        case events.SmsOptedOut(opted_out_at=at):
            return consent.model_copy(update={"is_opted_out": True, "since": at})
        case events.SmsOptedIn(opted_in_at=at):
            return consent.model_copy(update={"is_opted_out": False, "since": at})


sms_consents = Projection[events.ConsentEvent, SmsConsent](
    "sms_consents",
    "smsconsent",
    (events.SmsReceived, events.SmsOptedOut, events.SmsOptedIn),
    SmsConsent,
    evolve,
    indexes=(("phone_index",),),
)
