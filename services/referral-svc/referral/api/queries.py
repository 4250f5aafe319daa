"""Queries: the receiving practice sees all its cases, a referring vet the own ones (R5, R9, R12, R13)."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from referral.api.access import EitherSide
from referral.api.bodies import ReferralAnswer, ReferralLine
from referral.projections.referral_case import ReferralCase, Status, referral_cases
from shared.chassis.auth import Identity
from shared.chassis.cursors import Page
from shared.chassis.endpoints import MadeId, Read
from shared.chassis.etags import etag, not_modified
from shared.chassis.openapi import CONDITIONAL
from shared.chassis.problems import not_found
from shared.chassis.views import After

router = APIRouter(tags=["referrals"])
PATH = "/clinics/{clinic_id}/referrals"


@router.get(PATH)
async def list_referrals(
    clinic_id: str,
    who: EitherSide,
    views: Read,
    page: Page,
    after: After,
    response: Response,
    status: Annotated[Status | None, Query()] = None,
) -> list[ReferralLine]:
    """The cases that the caller may see, all or with one status."""
    where = _visible_to(who) | ({"status": status} if status else {})
    rows = await views.list(referral_cases, clinic_id, where, page, after)
    return [ReferralLine.of(row) for row in page.page(rows, lambda row: row.key, response)]


@router.get(PATH + "/{referral_id}", response_model=ReferralAnswer, responses=CONDITIONAL)
async def read_referral(
    clinic_id: str,
    referral_id: MadeId,
    who: EitherSide,
    views: Read,
    after: After,
    request: Request,
    response: Response,
) -> ReferralAnswer | Response:
    """One case; its ETag is what If-Match wants. Another referring vet's case is 404."""
    shown = await views.get(referral_cases, clinic_id, referral_id, after)
    if shown is None or not _may_see(who, shown.view):
        raise not_found()
    response.headers["ETag"] = etag(shown.revision)
    return not_modified(request, shown.revision) or ReferralAnswer.of(shown)


def _visible_to(who: Identity) -> dict[str, str]:
    return {"referring_vet_id": who.subject} if who.role == "referring_vet" else {}


def _may_see(who: Identity, case: ReferralCase) -> bool:
    return who.role != "referring_vet" or case.referring_vet_id == who.subject
