"""Commands: the referring vet submits a case, the receiving practice answers it."""

from fastapi import APIRouter, Response

from referral.api.access import Receiving, ReferringVet
from referral.api.bodies import DeclineBody, ReferralAccepted, ReferralBody
from referral.domain.referral import AcceptReferral, DeclineReferral, SubmitReferral, referral
from shared.chassis.commands import handle
from shared.chassis.endpoints import Accepted, Expected, MadeId, Once, Store, accepted, context, etag_of
from shared.events.referral import ReferredClient, ReferredPatient

router = APIRouter(tags=["referrals"])
PATH = "/clinics/{clinic_id}/referrals"


@router.post(PATH, status_code=201, response_model=ReferralAccepted)
async def submit_referral(clinic_id: str, body: ReferralBody, who: ReferringVet, store: Store, once: Once) -> Response:
    """Send a case to the practice `clinic_id` (R1, R2). 422 `owner-consent-missing` unless the owner agreed."""
    asked = context(who, clinic_id, once.command_id)
    referral_id = once.command_id.hex
    command = SubmitReferral(
        clinic_id=clinic_id,
        referral_id=referral_id,
        referring_vet_id=who.subject,
        client=ReferredClient(**body.client.model_dump()),
        patient=ReferredPatient(**body.patient.model_dump()),
        history=body.history,
        clinical_signs=body.clinical_signs,
        documents=body.listed(),
        owner_consents=body.owner_consents,
        now=asked.now,
    )
    handled = await handle(store, referral, referral_id, command, asked)
    return await once.answer(accepted(handled, referral_id=referral_id), headers=etag_of(handled))


@router.post(PATH + "/{referral_id}/accept", response_model=Accepted)
async def accept_referral(
    clinic_id: str, referral_id: MadeId, who: Receiving, store: Store, expected: Expected, once: Once
) -> Response:
    """Take the case. 412 if it changed since it was read; 409 `referral-already-declined`."""
    asked = context(who, clinic_id, once.command_id)
    command = AcceptReferral(who.subject, asked.now)
    handled = await handle(store, referral, referral_id, command, asked, expected)
    return await once.answer(accepted(handled), 200, etag_of(handled))


@router.post(PATH + "/{referral_id}/decline", response_model=Accepted)
async def decline_referral(
    clinic_id: str,
    referral_id: MadeId,
    body: DeclineBody,
    who: Receiving,
    store: Store,
    expected: Expected,
    once: Once,
) -> Response:
    """Do not take it, and say why. 412 if it changed since it was read; 409 `referral-already-accepted`."""
    asked = context(who, clinic_id, once.command_id)
    command = DeclineReferral(who.subject, body.reason, asked.now)
    handled = await handle(store, referral, referral_id, command, asked, expected)
    return await once.answer(accepted(handled), 200, etag_of(handled))
