"""Clinics: an operator registers them, whoever has access looks at them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from portal.api.bodies import RegisterClinicBody
from portal.domain.clinic import RegisterClinic, clinic
from portal.projections.clinics import Clinic, clinics
from shared.chassis import commands
from shared.chassis.auth import ROLES, Identity, clinic_access, require
from shared.chassis.endpoints import Accepted, Once, Read, Store, accepted, context, etag_of
from shared.chassis.etags import etag, not_modified
from shared.chassis.openapi import CONDITIONAL
from shared.chassis.problems import not_found
from shared.chassis.views import After

router = APIRouter(tags=["clinics"])


class ClinicAccepted(Accepted):
    """The clinic that was registered."""

    clinic_id: str


@router.post("/clinics", status_code=201, response_model=ClinicAccepted)
async def register_clinic(
    body: RegisterClinicBody,
    who: Annotated[Identity, Depends(require("operator"))],
    once: Once,
    store: Store,
) -> Response:
    """Register a clinic under a slug that names it for ever. Problems 409 `clinic-id-taken`, `clinic-id-reserved`."""
    asked = context(who, body.clinic_id, once.command_id)
    command = RegisterClinic(body.clinic_id, body.name, body.time_zone, body.vendor, asked.now)
    handled = await commands.handle(store, clinic, "", command, asked)
    return await once.answer(accepted(handled, clinic_id=body.clinic_id), 201, etag_of(handled))


@router.get("/clinics/{clinic_id}", response_model=Clinic, responses=CONDITIONAL)
async def read_clinic(
    clinic_id: str,
    request: Request,
    response: Response,
    read: Read,
    after: After,
    _who: Annotated[Identity, Depends(clinic_access(*ROLES))],
) -> Clinic | Response:
    """A clinic's name, time zone and PIMS."""
    shown = await read.get(clinics, clinic_id, after=after)
    if shown is None:
        raise not_found()
    response.headers["ETag"] = etag(shown.revision)
    return not_modified(request, shown.revision) or shown.view
