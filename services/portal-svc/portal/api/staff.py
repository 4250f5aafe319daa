"""Patients as the clinic's staff see them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from portal.api.bodies import LOCAL_ID
from portal.api.shown import Count, PatientLine, patient_line
from portal.projections.clinic_feeds import clinic_feeds
from portal.projections.pets import pets
from shared.chassis.auth import Identity, clinic_access
from shared.chassis.cursors import Page
from shared.chassis.endpoints import Read
from shared.chassis.views import After

router = APIRouter(tags=["staff"])
ClientId = Annotated[str | None, Query(pattern=LOCAL_ID)]


@router.get("/clinics/{clinic_id}/patients")
async def list_patients(
    clinic_id: str,
    _who: Annotated[Identity, Depends(clinic_access("staff"))],
    page: Page,
    response: Response,
    read: Read,
    after: After,
    client_id: ClientId = None,
) -> list[PatientLine]:
    """The clinic's patients, or one client's; deleted and inactive ones too. `Link: rel="next"` leads on."""
    feed = await read.get(clinic_feeds, clinic_id)
    rows = await read.list(pets, clinic_id, {"owners": client_id} if client_id else None, page, after)
    return [
        patient_line(row.view, feed.view if feed else None) for row in page.page(rows, lambda row: row.key, response)
    ]


@router.get("/clinics/{clinic_id}/patients/count")
async def count_patients(
    clinic_id: str,
    _who: Annotated[Identity, Depends(clinic_access("staff", "operator"))],
    read: Read,
    after: After,
    client_id: ClientId = None,
) -> Count:
    """How many patients the clinic has, or one client."""
    await read.wait(pets, clinic_id, after)
    return Count(count=await read.count(pets, clinic_id, {"owners": client_id} if client_id else None))
