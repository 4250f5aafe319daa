"""May this phone be texted? The opt-out indicator on a client's profile (R82-R84)."""

from fastapi import APIRouter, Request

from messaging.api.access import PhoneInQuery, Staff, phone_index
from messaging.api.bodies import ConsentAnswer, PhoneConsentAnswer
from messaging.projections.sms_consent import sms_consents
from shared.chassis.endpoints import Read
from shared.chassis.views import After

router = APIRouter(tags=["sms consents"])


@router.get("/clinics/{clinic_id}/sms-consents")
async def read_sms_consents(
    clinic_id: str, phone: PhoneInQuery, _who: Staff, views: Read, after: After, request: Request
) -> PhoneConsentAnswer:
    """A phone that never wrote has not opted out."""
    where = {"phone_index": phone_index(request, clinic_id, phone)}
    rows = [row.view for row in await views.list(sms_consents, clinic_id, where, after=after)]
    numbers = [ConsentAnswer(**row.model_dump(exclude={"phone_index"})) for row in rows]
    return PhoneConsentAnswer(is_opted_out=any(row.is_opted_out for row in rows), numbers=numbers)
