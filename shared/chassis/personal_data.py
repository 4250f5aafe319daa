"""A key for each data subject: with it their fields can be read, without it never again (design 6, security C.8)."""

import os
from base64 import b64decode, b64encode
from collections.abc import Iterable
from time import monotonic
from typing import Any, Protocol

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pymongo.errors import BulkWriteError

from shared.chassis.mongo import Database, by_ids, journaled

MARK = "$personal"
_NONCE = 12
_CACHE_SECONDS = 30.0
_CACHE_SUBJECTS = 20_000


class Keys(Protocol):
    """Where data-subject keys live. A subject that was erased has none and never gets one again."""

    async def existing(self, subjects: Iterable[str]) -> dict[str, AESGCM]:
        """The ciphers of those subjects that have a key."""
        ...

    async def made(self, subjects: Iterable[str]) -> dict[str, AESGCM]:
        """As `existing`, after making a key for each subject that never had one."""
        ...

    async def erase(self, subject: str) -> None:
        """Destroy the subject's key. Repeating it changes nothing."""
        ...

    def forget(self, subject: str) -> None:
        """Do not answer from memory about this subject."""
        ...


class KeyRing:
    """Keys in MongoDB, each wrapped by the key-encryption key. A cached key outlives its erasure by 30 s at most."""

    def __init__(self, db: Database, kek: bytes) -> None:
        self._keys = db["subject_keys"]
        self._kek = AESGCM(kek)
        self._cache: dict[str, tuple[float, AESGCM]] = {}

    async def existing(self, subjects: Iterable[str]) -> dict[str, AESGCM]:
        """The keys that there are: those who were erased, or never had one, are left out. Raises pymongo's errors."""
        wanted = set(subjects)
        found = {s: entry[1] for s in wanted if (entry := self._cache.get(s)) and entry[0] > monotonic()}
        if missing := list(wanted - found.keys()):
            for row in await by_ids(self._keys, missing):
                if row.get("wrapped") is not None:
                    found[row["_id"]] = self._remember(row["_id"], row["wrapped"])
        return found

    async def made(self, subjects: Iterable[str]) -> dict[str, AESGCM]:
        """As `existing`; who never had a key has one now, in a journaled write."""
        wanted = set(subjects)
        found = await self.existing(wanted)
        if missing := sorted(wanted - found.keys()):
            await self._make(missing)
            found |= await self.existing(missing)
        return found

    async def erase(self, subject: str) -> None:
        """Destroy the key for ever, journaled. Other processes forget it within 30 s."""
        # The row stays, empty: a later event about the subject must not bring a new key into being.
        await journaled(self._keys).update_one({"_id": subject}, {"$set": {"wrapped": None}}, upsert=True)
        self.forget(subject)

    def forget(self, subject: str) -> None:
        """Drop the opened key from this process's memory."""
        self._cache.pop(subject, None)

    async def _make(self, subjects: list[str]) -> None:
        known = {row["_id"] for row in await by_ids(self._keys, subjects, ["_id"])}
        rows = [{"_id": s, "wrapped": self._wrap(s)} for s in subjects if s not in known]
        for row in rows if len(rows) == 1 else ():
            await journaled(self._keys).update_one({"_id": row["_id"]}, {"$setOnInsert": row}, upsert=True)
        if len(rows) > 1:
            try:
                await journaled(self._keys).insert_many(rows, ordered=False)
            except BulkWriteError as error:
                if any(e["code"] != 11000 for e in error.details["writeErrors"]):
                    raise

    def _wrap(self, subject: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._kek.encrypt(nonce, AESGCM.generate_key(256), subject.encode())

    def _remember(self, subject: str, wrapped: bytes) -> AESGCM:
        key = AESGCM(self._kek.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], subject.encode()))
        while len(self._cache) >= _CACHE_SUBJECTS:
            self._cache.pop(next(iter(self._cache)))
        self._cache[subject] = (monotonic() + _CACHE_SECONDS, key)
        return key


class WithheldKeys:
    """For readers who are not to see personal fields: nobody has a key, and nothing can be written."""

    async def existing(self, subjects: Iterable[str]) -> dict[str, AESGCM]:
        """None, whoever is asked for: every personal field reads as erased."""
        return {}

    async def made(self, subjects: Iterable[str]) -> dict[str, AESGCM]:
        """PermissionError: who may not read must not write either."""
        raise PermissionError("keys are withheld")

    async def erase(self, subject: str) -> None:
        """PermissionError, as `made`."""
        raise PermissionError("keys are withheld")

    def forget(self, subject: str) -> None:
        """Nothing is remembered."""


def encrypt(key: AESGCM, subject: str, place: str, value: Any) -> dict[str, str]:
    """`value` (JSON) as `{"$personal": subject, "c": base64}`. `place` binds it to one field of one event."""
    nonce = os.urandom(_NONCE)
    sealed = nonce + key.encrypt(nonce, orjson.dumps(value), place.encode())
    return {MARK: subject, "c": b64encode(sealed).decode()}


def decrypt(keys: dict[str, AESGCM], place: str, sealed: dict[str, str]) -> Any:
    """The value again; None when the subject's key is gone or the text was moved to another place."""
    key = keys.get(sealed[MARK])
    if key is None:
        return None
    raw = b64decode(sealed["c"])
    try:
        return orjson.loads(key.decrypt(raw[:_NONCE], raw[_NONCE:], place.encode()))
    except InvalidTag:
        return None


def is_sealed(value: object) -> bool:
    """Whether a stored JSON value is an encrypted one."""
    return isinstance(value, dict) and isinstance(value.get(MARK), str)
