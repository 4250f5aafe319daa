"""One case: what the receiving practice reads before the appointment (R5) and the referring vet follows (R12, R13)."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from shared.events import referral as events
from shared.events.referral import ListedDocument, ReferredClient, ReferredPatient
from shared.kernel.decider import Projection

Status = Literal["submitted", "accepted", "declined"]


class ReferralCase(BaseModel):
    """`client` is None once the person was erased; `answered_at` and `decline_reason` until there is an answer."""

    referral_id: str
    referring_vet_id: str
    client: ReferredClient | None
    patient: ReferredPatient
    history: str
    clinical_signs: str
    documents: tuple[ListedDocument, ...]
    submitted_at: datetime
    status: Status = "submitted"
    answered_at: datetime | None = None
    decline_reason: str | None = None


def evolve(case: ReferralCase | None, event: events.ReferralEvent) -> ReferralCase | None:
    match event, case:
        case events.ReferralSubmitted(), _:
            return ReferralCase(**event.model_dump(exclude={"clinic_id"}))
        case _, None:
            return None
        case events.ReferralAccepted(accepted_at=at), _:
            return case.model_copy(update={"status": "accepted", "answered_at": at})
        case events.ReferralDeclined(declined_at=at, reason=reason), _:
            return case.model_copy(update={"status": "declined", "answered_at": at, "decline_reason": reason})


referral_cases = Projection[events.ReferralEvent, ReferralCase](
    "referral_cases",
    "referral",
    (events.ReferralSubmitted, events.ReferralAccepted, events.ReferralDeclined),
    ReferralCase,
    evolve,
    indexes=(("status",), ("referring_vet_id",)),
)
