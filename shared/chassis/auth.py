"""Who is asking, and may they? Identities, roles and tenants at the edge of every service (design 17, security C.4)."""

from collections.abc import Iterator
from typing import Annotated

import structlog
from fastapi import Depends, FastAPI, Path, Request
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.routing import iter_route_contexts
from fastapi.security.base import SecurityBase

from shared.chassis.jwks import JwksSource, KeysUnavailable, jwks_at
from shared.chassis.problems import Problem, not_found
from shared.chassis.verifier import EVERY_CLINIC, ROLES, Identity, InvalidToken, Role, Verifier
from shared.kernel.streams import stream_name

__all__ = [
    "EVERY_CLINIC",
    "ROLES",
    "Access",
    "AnywhereAccess",
    "Bearer",
    "ClinicAccess",
    "Identity",
    "InvalidToken",
    "JwksSource",
    "Role",
    "UndeclaredAccess",
    "Verifier",
    "authenticated",
    "check_access_is_declared",
    "clinic_access",
    "identity",
    "jwks_at",
    "owner_client_id",
    "public",
    "require",
]

log = structlog.get_logger(__name__)


async def identity(request: Request) -> Identity:
    """The verified bearer of `request`, from `request.app.state.verifier`; kept on `request.state`.

    Problem 401 `token-required` or `token-invalid` with WWW-Authenticate (RFC 6750), 503 `keys-unavailable`.
    """
    known = getattr(request.state, "identity", None)
    if isinstance(known, Identity):
        return known
    verifier: Verifier = request.app.state.verifier
    try:
        who = await verifier.verify(_bearer_token(request))
    except InvalidToken as error:
        log.warning("token-refused", reason=error.reason)
        raise _unauthorized("token-invalid", "The access token is not valid.", ', error="invalid_token"') from None
    except KeysUnavailable:
        raise Problem(
            503, "keys-unavailable", "Access cannot be checked at the moment.", headers={"Retry-After": "5"}
        ) from None
    request.state.identity = who
    structlog.contextvars.bind_contextvars(subject=who.subject, role=who.role)
    return who


Bearer = Annotated[Identity, Depends(identity)]
"""For code behind an access dependency that only wants to know who it is; declares no access by itself."""


def _bearer_token(request: Request) -> str:
    headers = request.headers.getlist("authorization")
    scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthorized("token-required", "Send an access token.", "")
    return token.strip()


def _unauthorized(code: str, title: str, error: str) -> Problem:
    return Problem(401, code, title, headers={"WWW-Authenticate": f'Bearer realm="vetwire"{error}'})


class Access(SecurityBase):
    """A route's access policy, used as a dependency; answers with the identity it let in."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self.model = BearerModel(bearerFormat="JWT")
        self.scheme_name = "accessToken"
        self.roles = roles

    def let_in(self, who: Identity) -> Identity:
        """Problem 403 `role-not-allowed`, or the identity."""
        if who.role not in self.roles:
            log.warning("role-refused")
            raise Problem(403, "role-not-allowed", "Your role may not do this.")
        return who


class AnywhereAccess(Access):
    """For routes without a clinic."""

    async def __call__(self, request: Request) -> Identity:
        """Problems of `identity`, then 403."""
        return self.let_in(await identity(request))


class ClinicAccess(Access):
    """For routes with `{clinic_id}`."""

    async def __call__(self, request: Request, clinic_id: Annotated[str, Path()]) -> Identity:
        """401, then 404 for a clinic that is not in the token, then 403: a stranger learns nothing about a clinic."""
        who = await identity(request)
        if not (_could_be_a_clinic(clinic_id) and who.may_enter(clinic_id)):
            log.warning("clinic-refused")
            raise not_found()
        return self.let_in(who)


def _could_be_a_clinic(clinic_id: str) -> bool:
    """An operator's `*` must not open names that would run into other tenants' streams (`elm.42`)."""
    try:
        stream_name("clinic", clinic_id)
    except ValueError:
        return False
    return True


def require(*roles: Role) -> AnywhereAccess:
    """The bearer has one of `roles`, in whatever clinic; for routes without `{clinic_id}`."""
    return AnywhereAccess(_some(roles))


def clinic_access(*roles: Role) -> ClinicAccess:
    """The bearer has one of `roles`, in the route's `{clinic_id}`; a clinic not in the token is 404 `not-found`."""
    return ClinicAccess(_some(roles))


def _some(roles: tuple[Role, ...]) -> frozenset[Role]:
    if not roles or not ROLES.issuperset(roles):
        raise ValueError(f"name at least one of {sorted(ROLES)}")
    return frozenset(roles)


authenticated = AnywhereAccess(frozenset(ROLES))
"""Any verified bearer, in whatever clinic."""


async def public() -> None:
    """Declares a route open to everybody, on purpose."""


def owner_client_id(who: Identity, clinic_id: str) -> str:
    """The owner's own client id in a clinic; Problem 404 `not-found` when there is none."""
    client_id = who.client_ids.get(clinic_id)
    if client_id is None:
        raise not_found()
    return client_id


class UndeclaredAccess(Exception):
    """Routes under /api that say nothing, or the wrong thing, about who may call them; `routes` says which and why."""

    def __init__(self, routes: list[str]) -> None:
        super().__init__("; ".join(routes))
        self.routes = routes


def check_access_is_declared(app: FastAPI) -> None:
    """Deny by default (security C.1 API5): raises `UndeclaredAccess`, so that such an app never starts."""
    faults = []
    for context in iter_route_contexts(app.routes):
        path = context.path or ""
        if path.startswith("/api/") and path != app.openapi_url:
            dependant = getattr(context, "dependant", None)
            fault = _fault(path, list(_calls(dependant)) if isinstance(dependant, Dependant) else [])
            faults += [f"{sorted(context.methods or ())} {path}: {fault}"] if fault else []
    if faults:
        raise UndeclaredAccess(faults)


def _fault(path: str, calls: list[object]) -> str:
    policies = [call for call in calls if isinstance(call, Access) or call is public]
    clinics = [call for call in policies if isinstance(call, ClinicAccess)]
    if not policies:
        return "no access dependency"
    if public not in policies and bool(clinics) != ("{clinic_id}" in path):
        return "clinic_access and {clinic_id} go together"
    guarded = next((i for i, call in enumerate(calls) if getattr(call, "needs_access", False)), len(calls))
    if guarded < max(calls.index(policy) for policy in policies):
        return "the access dependency comes before the idempotent one"
    return ""


def _calls(dependant: Dependant) -> Iterator[object]:
    """The dependencies in the order in which they run."""
    for inner in dependant.dependencies:
        yield from _calls(inner)
        yield inner.call
