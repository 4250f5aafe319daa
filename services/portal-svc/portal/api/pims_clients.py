"""Credentials for the machines of a clinic's PIMS."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from fastapi.responses import JSONResponse

from portal.api.bodies import PimsClientBody
from portal.api.client_secrets import client_id as id_of
from portal.api.client_secrets import client_secret, secret_hash
from portal.api.present import require_clinic
from portal.domain.credential import RegisterPimsClient, RevokePimsClient, credential
from shared.chassis import clock, commands
from shared.chassis.auth import Identity, clinic_access
from shared.chassis.endpoints import Accepted, Once, Running, Store, accepted, context, etag_of
from shared.events.portal import PLATFORM

router = APIRouter(tags=["pims clients"])
Host = Annotated[Identity, Depends(clinic_access("staff", "operator"))]


class PimsClientAccepted(Accepted):
    """`client_secret` is told in the first answer only, never in a repeat."""

    client_id: str
    client_secret: str | None = None


@router.post("/clinics/{clinic_id}/pims-clients", status_code=201, response_model=PimsClientAccepted)
async def register_pims_client(
    clinic_id: str,
    body: PimsClientBody,
    who: Host,
    once: Once,
    running: Running,
) -> Response:
    """A credential that may push the clinic's data. The secret is shown here and kept nowhere. Problem 404."""
    await require_clinic(running.store, clinic_id)
    asked = context(who, PLATFORM, once.command_id)
    client_id = id_of(once.command_id.hex)
    secret = client_secret(running.settings.token_secret_bytes, client_id, clinic_id)
    command = RegisterPimsClient(client_id, clinic_id, body.label, secret_hash(secret), asked.now)
    handled = await commands.handle(running.store, credential, client_id, command, asked)
    answer = accepted(handled, client_id=client_id)
    await once.answer(answer, 201, etag_of(handled))
    return JSONResponse({**answer, "client_secret": secret}, 201, {"Cache-Control": "no-store", **etag_of(handled)})


@router.delete("/clinics/{clinic_id}/pims-clients/{client_id}", response_model=Accepted)
async def revoke_pims_client(
    clinic_id: str,
    client_id: Annotated[str, Path(pattern=r"^pims_[0-9a-f]{32}$")],
    who: Host,
    store: Store,
    response: Response,
) -> dict[str, Any]:
    """No more tokens for it; those it has expire within ten minutes. Problem 404."""
    asked = context(who, PLATFORM, UUID(clock.new_id()))
    handled = await commands.handle(store, credential, client_id, RevokePimsClient(clinic_id, asked.now), asked)
    response.headers.update(etag_of(handled))
    return accepted(handled)
