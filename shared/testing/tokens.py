"""Access tokens for tests, good and bad, from keys made on the spot."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.chassis.clock import new_id, now
from shared.chassis.tokens import SigningKey
from shared.chassis.verifier import Verifier

ISSUER = "https://vetwire.local"
AUDIENCE = "vetwire"


class Mint:
    """An issuer in memory. `verifier` trusts it; `headers` makes an Authorization header."""

    def __init__(self, issuer: str = ISSUER, audience: str = AUDIENCE) -> None:
        self.key = SigningKey(Ed25519PrivateKey.generate())
        self.issuer = issuer
        self.audience = audience

    async def keys(self) -> Mapping[str, Any]:
        """The key set, as a verifier's source."""
        return {"keys": [self.key.jwk()]}

    def verifier(self) -> Verifier:
        """Trusts this issuer only."""
        return Verifier({self.issuer: self.keys}, self.audience)

    def claims(self, role: str = "staff", clinics: tuple[str, ...] = ("elm",), **claims: Any) -> dict[str, Any]:
        """The claims of a good token; a claim given as None is left out."""
        issued = now()
        good = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": f"{role}-1",
            "iat": int(issued.timestamp()),
            "exp": int((issued + timedelta(minutes=5)).timestamp()),
            "jti": new_id(),
            "sid": "session-1",
            "role": role,
            "clinics": list(clinics),
        }
        return {name: value for name, value in {**good, **claims}.items() if value is not None}

    def token(self, role: str = "staff", clinics: tuple[str, ...] = ("elm",), **claims: Any) -> str:
        """A signed token with those claims."""
        return self.sign(self.claims(role, clinics, **claims))

    def sign(self, claims: Mapping[str, Any], **headers: Any) -> str:
        """Whatever claims, signed; `headers` are added to the right ones or replace them."""
        all_headers = {"typ": "at+jwt", "kid": self.key.kid, **headers}
        return jwt.encode(dict(claims), self.key.private, algorithm="EdDSA", headers=all_headers)

    def headers(self, role: str = "staff", clinics: tuple[str, ...] = ("elm",), **claims: Any) -> dict[str, str]:
        """The header of a request by that role."""
        return {"Authorization": f"Bearer {self.token(role, clinics, **claims)}"}
