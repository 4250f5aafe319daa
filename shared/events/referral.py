"""What happens to a case that a referring veterinarian sends to a specialist."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.events.base import Event, Personal, event_type

_CLIENT = "referralclient:{clinic_id}.{referral_id}"
DocumentKind = Literal["history", "lab_result", "image", "letter", "other"]


class Value(BaseModel):
    """Part of a case."""

    model_config = ConfigDict(frozen=True)


class ReferredClient(Value):
    """How the receiving practice reaches the patient's owner (R2), as the referring vet wrote it."""

    name: str
    phone: str | None = None
    email: str | None = None
    postal_address: str | None = None


class ReferredPatient(Value):
    """The patient (R2), as the referring vet wrote it; it has no number at the receiving practice yet."""

    name: str
    species: str
    breed: str | None = None
    sex: Literal["M", "F", "U"] = "U"
    born_on: date | None = None


class ListedDocument(Value):
    """A document that belongs to the case; `position` counts from 1 in the order the referring vet chose (R3)."""

    position: int
    kind: DocumentKind
    title: str


@event_type("referral.ReferralSubmitted.v1", subject=_CLIENT)
class ReferralSubmitted(Event):
    """A case for the clinic `clinic_id` (R1, R2). The owner agreed to the sharing, or there would be no such event."""

    clinic_id: str
    referral_id: str
    referring_vet_id: str
    client: Personal[ReferredClient] = None
    patient: ReferredPatient
    history: str
    clinical_signs: str
    documents: tuple[ListedDocument, ...] = ()
    submitted_at: datetime


@event_type("referral.ReferralAccepted.v1")
class ReferralAccepted(Event):
    """The receiving practice takes the case; `accepted_by` is the id of who said so."""

    clinic_id: str
    referral_id: str
    accepted_by: str
    accepted_at: datetime


@event_type("referral.ReferralDeclined.v1")
class ReferralDeclined(Event):
    """The receiving practice does not take the case; `reason` is for the referring vet to read."""

    clinic_id: str
    referral_id: str
    declined_by: str
    reason: str
    declined_at: datetime


ReferralEvent = ReferralSubmitted | ReferralAccepted | ReferralDeclined
