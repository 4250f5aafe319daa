"""The public keys of the access tokens."""

from typing import Any

from fastapi import APIRouter, Depends, Response

from portal.api.issuing import Issuer
from shared.chassis.auth import public

router = APIRouter(tags=["keys"])


@router.get("/.well-known/jwks.json", dependencies=[Depends(public)])
async def published_keys(issuer: Issuer, response: Response) -> dict[str, Any]:
    """A JWK set (RFC 7517). It may be kept for a minute, so that rotation needs no more patience than that."""
    response.headers["Cache-Control"] = "public, max-age=60"
    return issuer.jwks()
