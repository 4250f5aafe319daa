"""The owner's portal: home, pets, account. An owner sees what belongs to their own client id, and nothing else."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from portal.api.freshness import as_of, freshness_of
from portal.api.shown import (
    AccountTab,
    ClinicLine,
    Home,
    PetCard,
    PetDetails,
    account_tab,
    pet_card,
    pet_details,
)
from portal.projections.clients import clients
from portal.projections.clinic_feeds import ClinicFeed, clinic_feeds
from portal.projections.clinics import clinics
from portal.projections.pets import Pet, pets
from shared.chassis import clock
from shared.chassis.auth import Identity, clinic_access, owner_client_id
from shared.chassis.cursors import Page, Paging
from shared.chassis.endpoints import Read, Running
from shared.chassis.mongo import Document
from shared.chassis.openapi import CONDITIONAL
from shared.chassis.problems import not_found
from shared.chassis.sse import LiveResponse, live
from shared.chassis.views import After, Seen, Views

FIRST_PETS = 6
router = APIRouter(tags=["owner"])
Owner = Annotated[Identity, Depends(clinic_access("owner"))]


def _shown_to(client_id: str) -> dict[str, Any]:
    """Pets that were deleted or put aside in the PIMS are not shown; the dead are, as such."""
    return {"owners": client_id, "status": "active"}


async def _feed(read: Views, clinic_id: str, after: Seen | None) -> ClinicFeed | None:
    shown = await read.get(clinic_feeds, clinic_id, after=after)
    return shown.view if shown else None


@router.get("/clinics/{clinic_id}/home")
async def read_home(clinic_id: str, who: Owner, request: Request, read: Read, after: After) -> Home:
    """The home screen: whose portal, who is greeted, which pets, and how fresh all that is (R33, M11)."""
    client_id = owner_client_id(who, clinic_id)
    clinic = await read.get(clinics, clinic_id, after=after)
    if clinic is None:
        raise not_found()
    client = await read.get(clients, clinic_id, client_id, after)
    feed = await _feed(read, clinic_id, after)
    living = {**_shown_to(client_id), "deceased": False}
    first = Paging(FIRST_PETS, None, request, request.app.state.token_secret)
    found = await read.list(pets, clinic_id, living, first, after)
    return Home(
        clinic=ClinicLine(clinic_id=clinic_id, name=clinic.view.name, time_zone=clinic.view.time_zone),
        first_name=client.view.first_name if client else None,
        pet_count=await read.count(pets, clinic_id, living),
        pets=[pet_card(shown.view, feed) for shown in found[:FIRST_PETS]],
        freshness=freshness_of(feed, clock.now()),
    )


@router.get("/clinics/{clinic_id}/pets")
async def list_pets(
    clinic_id: str, who: Owner, page: Page, response: Response, read: Read, after: After
) -> list[PetCard]:
    """The owner's pets (R33, R46); `Link: rel="next"` leads on."""
    client_id = owner_client_id(who, clinic_id)
    feed = await _feed(read, clinic_id, after)
    rows = await read.list(pets, clinic_id, _shown_to(client_id), page, after)
    return [pet_card(row.view, feed) for row in page.page(rows, lambda row: row.key, response)]


@router.get("/clinics/{clinic_id}/pets/{patient_id}", response_model=PetDetails, responses=CONDITIONAL)
async def read_pet(
    clinic_id: str,
    patient_id: str,
    who: Owner,
    request: Request,
    response: Response,
    read: Read,
    after: After,
) -> PetDetails | Response:
    """One pet (R46, R57). The tag changes with the pet and with each full sync that confirmed it. Problem 404."""
    client_id = owner_client_id(who, clinic_id)
    shown = await read.get(pets, clinic_id, patient_id, after)
    if shown is None or client_id not in shown.view.owners or shown.view.status != "active":
        raise not_found()
    feed = await _feed(read, clinic_id, after)
    tag = _tag(shown.revision, as_of(shown.view, feed))
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return pet_details(shown.view, feed)


def _tag(revision: int, as_of_: datetime) -> str:
    return f'"{revision}-{as_of_.timestamp():.0f}"'


@router.get("/clinics/{clinic_id}/account")
async def read_account(clinic_id: str, who: Owner, read: Read, after: After) -> AccountTab:
    """The owner's own name and contacts as the clinic has them (R58); they change in the PIMS (R59)."""
    shown = await read.get(clients, clinic_id, owner_client_id(who, clinic_id), after)
    if shown is None:
        raise not_found()
    feed = await _feed(read, clinic_id, after)
    full = feed.last_full if feed and not shown.view.erased else None
    return account_tab(shown.view, max(shown.view.observed_at, full.started_at) if full else shown.view.observed_at)


@router.get("/clinics/{clinic_id}/live", status_code=200, response_class=LiveResponse)
async def watch_pets(clinic_id: str, who: Owner, request: Request, running: Running) -> LiveResponse:
    """The owner's pets, each time one changes (SSE): `change` holds what a list of pets would."""
    render = partial(shown_live, owner_client_id(who, clinic_id))
    return live(request, await running.versions.collection(pets), {"_clinic": clinic_id}, render)


def shown_live(client_id: str, row: Document) -> dict[str, Any] | None:
    """Membership in `owners` is not an equality, so this, not `match`, keeps other people's pets out."""
    if "_gone" in row:
        return None
    pet = Pet.model_validate(row)
    if client_id not in pet.owners or pet.status != "active":
        return None
    return pet_card(pet, None).model_dump(mode="json")
