"""Who is asking, and may they? EdDSA access tokens, roles and tenants (design 17, security C.4, RFC 9068)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from fastapi import FastAPI, Request

Role = Literal["owner", "staff", "referring_vet", "specialist", "pims", "operator"]
EVERY_CLINIC = "*"


@dataclass(frozen=True)
class Identity:
    """The bearer of a verified token. `client_ids` (owners): clinic id -> the owner's client id there."""

    subject: str
    role: Role
    clinics: frozenset[str]
    client_ids: Mapping[str, str]
    session_id: str
    token_id: str
    expires_at: datetime

    def may_enter(self, clinic_id: str) -> bool:
        """True when the token allows to act in the clinic; `*` (operator) allows every clinic."""
        raise NotImplementedError


JwksSource = Callable[[], Awaitable[Mapping[str, Any]]]


class Verifier:
    """Verifies access tokens: EdDSA, `typ: at+jwt`, issuer, audience, exp, nbf, kid of the issuer's key set.

    `issuers` maps an issuer to the source of its JWKS document.
    """

    def __init__(self, issuers: Mapping[str, JwksSource], audience: str) -> None:
        raise NotImplementedError

    async def verify(self, token: str) -> Identity:
        """The identity; raises `InvalidToken(reason)`."""
        raise NotImplementedError


class InvalidToken(Exception):
    """The token is not to be trusted; `reason` is for logs, not for the caller."""


async def identity(request: Request) -> Identity:
    """FastAPI dependency: the verified bearer. 401 `token-required` or `token-invalid` with WWW-Authenticate.

    Uses `request.app.state.verifier`; the answer is kept on `request.state`.
    """
    raise NotImplementedError


Access = Callable[[Request], Awaitable[Identity]]


def require(*roles: Role) -> Access:
    """Dependency: the bearer has one of `roles`, else 403 `role-not-allowed`. For routes without a clinic."""
    raise NotImplementedError


def clinic_access(*roles: Role) -> Access:
    """Dependency for routes with `{clinic_id}`: a clinic that is not in the token is 404 `not-found`, then the role (403)."""
    raise NotImplementedError


async def public(request: Request) -> None:
    """Dependency that declares a route open to everybody; nothing is checked."""


def owner_client_id(identity: Identity, clinic_id: str) -> str:
    """The owner's own client id in a clinic; 404 `not-found` when there is none or the bearer is not an owner."""
    raise NotImplementedError


def check_access_is_declared(app: FastAPI) -> None:
    """Deny by default: raises `UndeclaredAccess` naming every route under /api with no access dependency."""
    raise NotImplementedError
