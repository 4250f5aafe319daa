"""Tokens for machines: the client credentials grant (RFC 6749 section 4.4), with its own error bodies (5.2)."""

import binascii
import hmac
from base64 import b64decode
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from portal.api.bodies import AccessToken
from portal.api.client_secrets import CLIENT_ID, secret_hash
from portal.api.issuing import Issuer, machine_token
from portal.api.present import state_of
from portal.domain.credential import Valid, credential
from shared.chassis import clock
from shared.chassis.auth import EVERY_CLINIC, public
from shared.chassis.endpoints import Running
from shared.chassis.event_store import EventStore
from shared.chassis.settings import ChassisSettings

FORM = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 8_192
NOBODY = SecretStr("")
router = APIRouter(tags=["sessions"], dependencies=[Depends(public)])
log = structlog.get_logger(__name__)
_FORM_SCHEMA = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": ["client_credentials"]},
        "client_id": {"type": "string"},
        "client_secret": {"type": "string", "format": "password"},
    },
}


class OAuthError(Exception):
    """`code` is one of RFC 6749 section 5.2; with `challenge` the answer asks for HTTP Basic."""

    def __init__(self, code: str, description: str, *, challenge: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.description = description
        self.challenge = challenge

    def response(self) -> Response:
        """400, or 401 with WWW-Authenticate for a client that is not known."""
        headers = {"Cache-Control": "no-store"}
        if self.challenge:
            headers["WWW-Authenticate"] = 'Basic realm="vetwire"'
        body = {"error": self.code, "error_description": self.description}
        return JSONResponse(body, 401 if self.challenge else 400, headers)


@dataclass(frozen=True)
class Shown:
    """The credential that was shown."""

    client_id: str
    client_secret: str


@dataclass(frozen=True)
class Machine:
    """Who it is, and what its token says."""

    client_id: str
    role: str
    clinic_id: str


@router.post(
    "/oauth/token",
    response_model=AccessToken,
    openapi_extra={"requestBody": {"required": True, "content": {FORM: {"schema": _FORM_SCHEMA}}}},
)
async def issue_token(request: Request, running: Running, issuer: Issuer) -> AccessToken | Response:
    """An access token for a PIMS client or an operator; the credential comes by HTTP Basic or in the form."""
    try:
        form = await _form(request)
        if form.get("grant_type") is None:
            raise OAuthError("invalid_request", "grant_type is missing")
        shown = _shown(request, form)
        if form["grant_type"] != "client_credentials":
            raise OAuthError("unsupported_grant_type", "only client_credentials is supported")
        machine = await _known(running.store, running.settings, shown)
    except OAuthError as error:
        log.warning("token-not-issued", reason=error.code)
        return error.response()
    return machine_token(issuer, machine.client_id, machine.role, machine.clinic_id, clock.new_id())


async def _form(request: Request) -> dict[str, str]:
    """No member twice (ASVS 15.3.7)."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise OAuthError("invalid_request", f"send {FORM}")
    body = await request.body()
    try:
        if len(body) > MAX_FORM_BYTES:
            raise ValueError("too long")
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=20)
    except ValueError:
        raise OAuthError("invalid_request", "the form cannot be read") from None
    if len({name for name, _ in pairs}) < len(pairs):
        raise OAuthError("invalid_request", "a parameter is given twice")
    return dict(pairs)


def _shown(request: Request, form: dict[str, str]) -> Shown:
    headers = request.headers.getlist("authorization")
    in_form = "client_secret" in form
    if len(headers) + in_form > 1:
        raise OAuthError("invalid_request", "show the credential once")
    if headers:
        return _basic(headers[0])
    if not in_form or "client_id" not in form:
        raise _unknown()
    return Shown(form["client_id"], form["client_secret"])


def _basic(header: str) -> Shown:
    scheme, _, encoded = header.partition(" ")
    try:
        text = b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _unknown() from None
    client_id, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise _unknown()
    return Shown(unquote_plus(client_id), unquote_plus(secret))


def _unknown() -> OAuthError:
    return OAuthError("invalid_client", "the client is not known", challenge=True)


async def _known(store: EventStore, settings: ChassisSettings, shown: Shown) -> Machine:
    """The first operator's credential is a setting; all others are streams."""
    client_id, _, secret = (settings.bootstrap_operator or NOBODY).get_secret_value().partition(":")
    if client_id and shown.client_id == client_id:
        if not hmac.compare_digest(shown.client_secret.encode(), secret.encode()):
            raise _unknown()
        return Machine(client_id, "operator", EVERY_CLINIC)
    if not CLIENT_ID.match(shown.client_id):
        raise _unknown()
    state = await state_of(store, credential, shown.client_id)
    if not isinstance(state, Valid) or not hmac.compare_digest(secret_hash(shown.client_secret), state.secret_hash):
        raise _unknown()
    return Machine(state.client_id, "pims", state.clinic_id)
