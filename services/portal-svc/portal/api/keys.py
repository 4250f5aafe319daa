"""The public keys of the access tokens."""

from typing import Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from portal.api.issuing import Issuer
from shared.chassis.auth import public

router = APIRouter(tags=["keys"])


class Key(BaseModel):
    """An Ed25519 public key (RFC 8037)."""

    kty: str
    crv: str
    x: str
    kid: str
    use: str
    alg: str


class KeySet(BaseModel):
    """A JWK set (RFC 7517 section 5)."""

    keys: list[Key]


@router.get("/.well-known/jwks.json", dependencies=[Depends(public)], response_model=KeySet)
async def read_keys(issuer: Issuer, response: Response) -> dict[str, Any]:
    """A JWK set (RFC 7517). It may be kept for a minute, so that rotation needs no more patience than that."""
    response.headers["Cache-Control"] = "public, max-age=60"
    return issuer.jwks()
