"""Signing keys, one-time tokens, passwords and blind indexes (security C.4, ADR 0007)."""

import asyncio
import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from shared.chassis.clock import new_id, now

NOT_YET = ".next.pem"
HASHES_AT_ONCE = 2
"""Password hashes under way in a process: each takes 46 MiB and a whole core."""
MAX_PASSWORD_BYTES = 4_096

_HASHER = PasswordHasher(time_cost=2, memory_cost=46 * 1024, parallelism=1)
_HASHING = ThreadPoolExecutor(HASHES_AT_ONCE, "argon2")


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key pair; `kid` is the RFC 7638 thumbprint of its public half."""

    private: Ed25519PrivateKey

    @property
    def x(self) -> str:
        """The public key as a JWK member (RFC 8037)."""
        return _base64url(self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def kid(self) -> str:
        """SHA-256 of the required members in lexical order (RFC 7638 section 3, RFC 8037 appendix A.3)."""
        canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{self.x}"}}'
        return _base64url(hashlib.sha256(canonical.encode()).digest())

    def jwk(self) -> dict[str, str]:
        """The public half, as published."""
        return {"kty": "OKP", "crv": "Ed25519", "x": self.x, "kid": self.kid, "use": "sig", "alg": "EdDSA"}


class TokenIssuer:
    """Signs access tokens with the key in `keys_dir` whose file name sorts last; publishes every `*.pem` there.

    Rotation: add `<date>.next.pem` (published, not used); when every verifier has had time to fetch it, rename it to
    `<date>.pem` (it signs); when the tokens of the one before have expired, delete that. Folders are read on creation.
    Raises ValueError when there is no usable key.
    """

    def __init__(self, keys_dir: Path, issuer: str, audience: str, lifetime: int = 300) -> None:
        files = sorted(keys_dir.glob("*.pem"))
        signing = [path for path in files if not path.name.endswith(NOT_YET)]
        if not signing:
            raise ValueError("no signing key: put an Ed25519 private key (*.pem) into VETWIRE_SIGNING_KEYS_DIR")
        self._published = [load_signing_key(path) for path in files]
        self._signing = load_signing_key(signing[-1])
        self._issuer = issuer
        self._audience = audience
        self.lifetime = lifetime

    def issue(self, subject: str, role: str, clinics: Sequence[str], session_id: str, **claims: Any) -> str:
        """A signed access token valid for `lifetime` seconds from now; `claims` are added (`client_ids` for owners)."""
        issued = int(now().timestamp())
        payload = {
            **claims,
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "iat": issued,
            "exp": issued + self.lifetime,
            "jti": new_id(),
            "sid": session_id,
            "role": role,
            "clinics": list(clinics),
        }
        headers = {"typ": "at+jwt", "kid": self._signing.kid}
        return jwt.encode(payload, self._signing.private, algorithm="EdDSA", headers=headers)

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JWK set (RFC 7517 section 5)."""
        return {"keys": [key.jwk() for key in self._published]}

    async def published_keys(self) -> Mapping[str, Any]:
        """`jwks()` as the key source of a `Verifier` in the issuing process itself."""
        return self.jwks()


def load_signing_key(path: Path) -> SigningKey:
    """The Ed25519 private key of a PEM file; ValueError for any other kind."""
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path.name} is not an Ed25519 private key")
    return SigningKey(key)


def derive_token(secret: bytes, purpose: str, token_id: str, recipient: str) -> str:
    """A one-time token that is never stored: HMAC-SHA256 of what it is for, 256 bit, URL-safe base64.

    Events carry `token_id` alone; the mailer derives the token and `check_token` derives it again (security C.4).
    """
    return _base64url(_mac(secret, "token", purpose, token_id, recipient))


def check_token(secret: bytes, purpose: str, token_id: str, recipient: str, token: str) -> bool:
    """True when `token` is the derived one, in constant time. Expiry and single use are for the caller's stream."""
    expected = derive_token(secret, purpose, token_id, recipient)
    return hmac.compare_digest(expected.encode(), token.encode(errors="replace"))


def blind_index(secret: bytes, kind: str, value: str) -> str:
    """A keyed digest (hex) under which a personal value is found without being stored; normalise `value` first."""
    return _mac(secret, "blind-index", kind, value).hex()


async def hash_password(password: str) -> str:
    """The argon2id hash (t=2, m=46 MiB, p=1; ASVS 5.0 appendix C) as a PHC string. At most two are computed at once.

    ValueError above 4096 bytes of UTF-8: longer ones only serve to burn memory.
    """
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        raise ValueError("password too long")
    return await asyncio.get_running_loop().run_in_executor(_HASHING, _HASHER.hash, password)


async def verify_password(password: str, stored: str | None) -> bool:
    """True when `password` fits `stored`. `None` (nobody of that name) costs the same time and is False."""
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        return False
    fits = await asyncio.get_running_loop().run_in_executor(_HASHING, _fits, password, stored)
    return fits and stored is not None


def needs_rehash(stored: str) -> bool:
    """True when `stored` was made with other parameters: hash anew at the next successful login."""
    return _HASHER.check_needs_rehash(stored)


def _fits(password: str, stored: str | None) -> bool:
    try:
        return _HASHER.verify(stored or _nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _HASHER.hash(new_id())


def _mac(secret: bytes, *parts: str) -> bytes:
    """Each part is preceded by its length, so that no two lists of parts give the same message."""
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.digest(secret, message, "sha256")


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
