"""Signing keys, one-time tokens, passwords and blind indexes (security C.4, ADR 0007)."""

from pathlib import Path
from typing import Any


class TokenIssuer:
    """Signs access tokens with the newest Ed25519 key of a folder.

    Every `*.pem` is published in `jwks()`; `*.next.pem` is published and not yet used.
    """

    def __init__(self, keys_dir: Path, issuer: str, audience: str, lifetime: int = 300) -> None:
        raise NotImplementedError

    def issue(self, subject: str, role: str, clinics: list[str], session_id: str, **claims: Any) -> str:
        """A signed access token; `claims` are added (`client_ids` for owners)."""
        raise NotImplementedError

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JWK set (RFC 7517); `kid` is the RFC 7638 thumbprint."""
        raise NotImplementedError


def derive_token(secret: bytes, purpose: str, token_id: str, recipient: str) -> str:
    """A one-time token that need not be stored: HMAC-SHA256 of what it is for, URL-safe base64 (256 bit)."""
    raise NotImplementedError


def check_token(secret: bytes, purpose: str, token_id: str, recipient: str, token: str) -> bool:
    """True when `token` is the derived one; constant time."""
    raise NotImplementedError


def blind_index(secret: bytes, kind: str, value: str) -> str:
    """A keyed digest under which a personal value can be looked up without being stored."""
    raise NotImplementedError


async def hash_password(password: str) -> str:
    """The argon2id hash (t=2, m=46 MiB, p=1) in PHC string form."""
    raise NotImplementedError


async def verify_password(password: str, stored: str | None) -> bool:
    """True when the password fits; with `stored=None` (unknown user) the same work is done and the answer is False."""
    raise NotImplementedError
