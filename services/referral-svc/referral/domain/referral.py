"""Referral: one stream for each case, from submission to the receiving practice's answer."""

from dataclasses import dataclass
from datetime import datetime

from shared.events import referral as events
from shared.events.referral import ListedDocument, ReferredClient, ReferredPatient
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused


@dataclass(frozen=True)
class SubmitReferral:
    """`documents` in the referring vet's order (R3); `owner_consents` is the box that must be ticked."""

    clinic_id: str
    referral_id: str
    referring_vet_id: str
    client: ReferredClient
    patient: ReferredPatient
    history: str
    clinical_signs: str
    documents: tuple[ListedDocument, ...]
    owner_consents: bool
    now: datetime


@dataclass(frozen=True)
class AcceptReferral:
    by: str
    now: datetime


@dataclass(frozen=True)
class DeclineReferral:
    by: str
    reason: str
    now: datetime


@dataclass(frozen=True)
class NotSubmitted: ...


@dataclass(frozen=True)
class Submitted:
    clinic_id: str
    referral_id: str


@dataclass(frozen=True)
class Accepted: ...


@dataclass(frozen=True)
class Declined: ...


Answer = AcceptReferral | DeclineReferral
Command = SubmitReferral | Answer
Referral = NotSubmitted | Submitted | Accepted | Declined


def decide(command: Command, state: Referral) -> list[events.ReferralEvent]:
    match command, state:
        case SubmitReferral(), NotSubmitted():
            return [_submitted(command)]
        case SubmitReferral(), _:
            return []
        case _, NotSubmitted():
            raise Refused("not-found")
        case _, Submitted():
            return [_answered(command, state)]
        case AcceptReferral(), Accepted():
            return []
        case DeclineReferral(), Declined():
            return []
        case _, Accepted():
            raise Refused("referral-already-accepted")
        case _, Declined():
            raise Refused("referral-already-declined")


def _submitted(command: SubmitReferral) -> events.ReferralSubmitted:
    if not command.owner_consents:
        raise Refused("owner-consent-missing")
    if [document.position for document in command.documents] != list(range(1, len(command.documents) + 1)):
        raise Refused("documents-out-of-order")
    return events.ReferralSubmitted(
        clinic_id=command.clinic_id,
        referral_id=command.referral_id,
        referring_vet_id=command.referring_vet_id,
        client=command.client,
        patient=command.patient,
        history=command.history,
        clinical_signs=command.clinical_signs,
        documents=command.documents,
        submitted_at=command.now,
    )


def _answered(command: Answer, state: Submitted) -> events.ReferralEvent:
    clinic_id, id_ = state.clinic_id, state.referral_id
    match command:
        case AcceptReferral(by, now):
            return events.ReferralAccepted(clinic_id=clinic_id, referral_id=id_, accepted_by=by, accepted_at=now)
        case DeclineReferral(by, reason, now):
            return events.ReferralDeclined(
                clinic_id=clinic_id, referral_id=id_, declined_by=by, reason=reason, declined_at=now
            )


def evolve(state: Referral, event: events.ReferralEvent) -> Referral:
    match event:
        case events.ReferralSubmitted(clinic_id=clinic_id, referral_id=id_):
            return Submitted(clinic_id, id_)
        case events.ReferralAccepted():
            return Accepted()
        case events.ReferralDeclined():
            return Declined()


referral = Decider[Command, events.ReferralEvent, Referral]("referral", NotSubmitted(), decide, evolve)
