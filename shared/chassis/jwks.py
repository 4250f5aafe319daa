"""The published keys of token issuers: fetched, cached, and refreshed when an unknown key id turns up (RFC 7517)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from shared.chassis.clock import now

JwksSource = Callable[[], Awaitable[Mapping[str, Any]]]
FETCH_SECONDS = 3.0
MAX_DOCUMENT_BYTES = 65_536
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

log = structlog.get_logger(__name__)


class KeysUnavailable(Exception):
    """The issuer's keys cannot be had, and what was had is too old: nobody can be let in or turned away."""


def jwks_at(url: str) -> JwksSource:
    """Fetches the document at `url`: 3 s, 64 kB, no redirects (ASVS 15.3.2). Raises httpx2.HTTPError or ValueError."""

    async def fetch() -> Mapping[str, Any]:
        async with httpx2.AsyncClient(timeout=FETCH_SECONDS, follow_redirects=False) as client:
            response = await client.get(url)
        response.raise_for_status()
        if response.status_code != 200 or len(response.content) > MAX_DOCUMENT_BYTES:
            raise ValueError("not a key set")
        document = response.json()
        if not isinstance(document, dict):
            raise ValueError("not a key set")
        return document

    return fetch


class KeySet:
    """One issuer's Ed25519 keys by key id.

    Keys are fetched anew when older than `fresh_for` or when an id is unknown, at most once per `min_interval`, one
    fetch at a time. While the issuer does not answer, keys serve on for `stale_for`.
    """

    def __init__(
        self,
        source: JwksSource,
        fresh_for: timedelta = timedelta(minutes=5),
        stale_for: timedelta = timedelta(hours=12),
        min_interval: timedelta = timedelta(seconds=5),
    ) -> None:
        self._source = source
        self._fresh_for = fresh_for
        self._stale_for = stale_for
        self._min_interval = min_interval
        self._keys: Mapping[str, Ed25519PublicKey] = {}
        self._fetched_at = _NEVER
        self._tried_at = _NEVER
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        """The key, None when the issuer has none of that id. Raises `KeysUnavailable`."""
        if self._is_wanted(kid):
            async with self._lock:
                if self._is_wanted(kid) and now() - self._tried_at >= self._min_interval:
                    await self._refresh()
        if now() - self._fetched_at > self._stale_for:
            raise KeysUnavailable
        return self._keys.get(kid)

    def _is_wanted(self, kid: str) -> bool:
        return kid not in self._keys or now() - self._fetched_at > self._fresh_for

    async def _refresh(self) -> None:
        self._tried_at = now()
        try:
            self._keys = _ed25519_keys(await self._source())
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError) as error:
            log.warning("jwks-fetch-failed", error=type(error).__name__)
        else:
            self._fetched_at = now()


def _ed25519_keys(document: Mapping[str, Any]) -> dict[str, Ed25519PublicKey]:
    """Keys of other kinds and broken ones are passed over: an issuer may publish what we do not use."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise ValueError("not a key set")
    keys = {}
    for entry in listed:
        key = _public_key(entry)
        if key is not None:
            keys[str(entry["kid"])] = key
    return keys


def _public_key(entry: Any) -> Ed25519PublicKey | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
        return None
    if entry.get("kty") != "OKP" or entry.get("crv") != "Ed25519":
        return None
    try:
        key = PyJWK({"kty": "OKP", "crv": "Ed25519", "x": entry.get("x")}, algorithm="EdDSA").key
    except (PyJWTError, ValueError, TypeError):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None
