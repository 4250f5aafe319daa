"""Access tokens verified: EdDSA JWTs of a few minutes (RFC 9068, RFC 8725, security C.4, ASVS 9.1 and 9.2)."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, get_args

import jwt
from jwt.exceptions import PyJWTError
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from shared.chassis.clock import now
from shared.chassis.jwks import JwksSource, KeySet

Role = Literal["owner", "staff", "referring_vet", "specialist", "pims", "operator"]
ROLES: frozenset[Role] = frozenset(get_args(Role))
EVERY_CLINIC = "*"
ALGORITHM = "EdDSA"
MEDIA_TYPE = "at+jwt"
MAX_TOKEN_LENGTH = 16_384
"""Characters; longer ones are refused unread."""
LEEWAY = timedelta(seconds=30)
CACHE_SIZE = 4_096
"""Tokens whose signature is not checked again for `CACHE_AGE`."""
CACHE_AGE = timedelta(seconds=60)


class InvalidToken(Exception):
    """The token is not to be trusted; `reason` is for logs, never for the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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
        """True when the token allows to act in the clinic; `*` (operators only) allows every clinic."""
        return clinic_id != EVERY_CLINIC and not self.clinics.isdisjoint({clinic_id, EVERY_CLINIC})


Name = Annotated[StrictStr, Field(min_length=1, max_length=256)]
Instant = Annotated[StrictInt, Field(ge=0, le=253_402_300_799)]


class _Claims(BaseModel):
    model_config = ConfigDict(extra="ignore")
    iss: Name
    aud: Name | list[Name]
    sub: Name
    exp: Instant
    iat: Instant
    nbf: Instant = 0
    jti: Name
    sid: Name
    role: Role
    clinics: list[Name]
    client_ids: dict[Name, Name] = {}

    def identity(self) -> Identity:
        if EVERY_CLINIC in self.clinics and self.role != "operator":
            raise InvalidToken("every-clinic")
        if self.client_ids and (self.role != "owner" or not self.client_ids.keys() <= set(self.clinics)):
            raise InvalidToken("client-ids")
        return Identity(
            subject=self.sub,
            role=self.role,
            clinics=frozenset(self.clinics),
            client_ids=dict(self.client_ids),
            session_id=self.sid,
            token_id=self.jti,
            expires_at=datetime.fromtimestamp(self.exp, UTC),
        )


class Verifier:
    """Verifies tokens of the trusted issuers, each with the source of its key set.

    The algorithm, the key and where keys come from are never taken from the token: `alg` must be EdDSA, `typ` at+jwt,
    `kid` one of the issuer's; `jku`, `jwk` and `x5u` are ignored and `crit` is refused. A verified token is remembered
    for a minute at most, so that a key which was withdrawn stops working.
    """

    def __init__(self, issuers: Mapping[str, JwksSource], audience: str) -> None:
        self._keys = {issuer: KeySet(source) for issuer, source in issuers.items()}
        self._audience = audience
        self._known: OrderedDict[str, tuple[Identity, datetime]] = OrderedDict()

    async def verify(self, token: str) -> Identity:
        """The identity. Raises `InvalidToken`, or `KeysUnavailable` when the issuer cannot be asked."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidToken("too-long")
        remembered = self._known.get(token)
        if remembered and now() - remembered[1] < CACHE_AGE:
            return _unexpired(remembered[0])
        who = _unexpired(await self._verified(token))
        self._remember(token, who)
        return who

    async def _verified(self, token: str) -> Identity:
        kid, issuer = _key_named_by(token)
        keys = self._keys.get(issuer)
        key = await keys.key(kid) if keys else None
        if key is None:
            raise InvalidToken("unknown-key" if keys else "unknown-issuer")
        try:
            payload = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=issuer,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
            claims = _Claims.model_validate(payload)
        except PyJWTError as error:
            raise InvalidToken(type(error).__name__) from None
        except ValidationError as error:
            raise InvalidToken("claims: " + ",".join(str(item["loc"][0]) for item in error.errors())) from None
        if max(claims.nbf, claims.iat) > (now() + LEEWAY).timestamp():
            raise InvalidToken("not-yet-valid")
        return claims.identity()

    def _remember(self, token: str, who: Identity) -> None:
        self._known[token] = (who, now())
        self._known.move_to_end(token)
        while len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)


def _unexpired(who: Identity) -> Identity:
    if now() >= who.expires_at + LEEWAY:
        raise InvalidToken("expired")
    return who


def _key_named_by(token: str) -> tuple[str, str]:
    """Key id and issuer, both still unverified: they only choose among keys that are trusted already."""
    try:
        header = jwt.get_unverified_header(token)
        claims: Any = jwt.decode(token, options={"verify_signature": False})
    except (PyJWTError, ValueError, RecursionError):
        raise InvalidToken("malformed") from None
    if header.get("alg") != ALGORITHM:
        raise InvalidToken("algorithm")
    if str(header.get("typ", "")).lower().removeprefix("application/") != MEDIA_TYPE:
        raise InvalidToken("type")
    if "crit" in header or not isinstance(header.get("kid"), str):
        raise InvalidToken("header")
    return header["kid"], str(claims.get("iss"))
