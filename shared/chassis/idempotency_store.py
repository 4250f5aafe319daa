"""Where the answers of idempotent requests are kept: journaled, in the service's own database."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Protocol

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from shared.chassis.clock import now
from shared.chassis.mongo import Database, Document, journaled

COLLECTION = "idempotency_keys"
TTL = timedelta(hours=24)
LEASE = timedelta(seconds=30)


@dataclass(frozen=True)
class StoredAnswer:
    """A response: `body` is JSON text."""

    status: int
    body: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Claim:
    """One request's hold on a key; `owner` tells it from another request with the same key."""

    key_id: str
    fingerprint: str
    owner: str


@dataclass(frozen=True)
class Outcome:
    """What became of a claim: ours, answered before, used for another payload, or (none of these) in use."""

    is_ours: bool = False
    answer: StoredAnswer | None = None
    is_other_payload: bool = False


class IdempotencyStore(Protocol):
    """The port; a claim that is not renewed or finished within `LEASE` may be taken over by a repeat."""

    async def claim(self, claim: Claim) -> Outcome:
        """Take the key if it is free, or say what is known about it."""

    async def renew(self, claim: Claim) -> None:
        """Hold it for another `LEASE`."""

    async def finish(self, claim: Claim, answer: StoredAnswer) -> None:
        """Keep the answer, durably, until `TTL` after the claim."""

    async def release(self, claim: Claim, *, forget: bool) -> None:
        """Let a repeat in at once; `forget` the payload too, so that a mended request may use the key."""


class MongoIdempotencyStore:
    """One document for each key in `idempotency_keys`; MongoDB deletes them after `TTL`."""

    def __init__(self, database: Database) -> None:
        self._keys = journaled(database[COLLECTION])

    async def prepare(self) -> None:
        """Make the index that deletes old keys; may be repeated."""
        await self._keys.create_index("expires_at", expireAfterSeconds=0)

    async def claim(self, claim: Claim) -> Outcome:
        """See `IdempotencyStore`."""
        fresh = {"owner": claim.owner, "fingerprint": claim.fingerprint, **_times()}
        try:
            await self._keys.insert_one({"_id": claim.key_id, **fresh})
        except DuplicateKeyError:
            return await self._claim_known(claim, fresh)
        return Outcome(is_ours=True)

    async def _claim_known(self, claim: Claim, fresh: Document) -> Outcome:
        known = await self._keys.find_one({"_id": claim.key_id})
        if known is not None and known["expires_at"] > now():
            if known["fingerprint"] != claim.fingerprint:
                return Outcome(is_other_payload=True)
            if "answer" in known:
                return Outcome(answer=StoredAnswer(**known["answer"]))
            if known["leased_until"] > now():
                return Outcome()
        taken = await self._keys.find_one_and_replace(
            {"_id": claim.key_id, "owner": known["owner"] if known else None},
            fresh,
            return_document=ReturnDocument.AFTER,
        )
        return Outcome(is_ours=taken is not None)

    async def renew(self, claim: Claim) -> None:
        """See `IdempotencyStore`."""
        await self._keys.update_one(_of(claim), {"$set": {"leased_until": now() + LEASE}})

    async def finish(self, claim: Claim, answer: StoredAnswer) -> None:
        """See `IdempotencyStore`. A claim that was taken over leaves the answer to the one that took it."""
        await self._keys.update_one(_of(claim), {"$set": {"answer": asdict(answer)}})

    async def release(self, claim: Claim, *, forget: bool) -> None:
        """See `IdempotencyStore`."""
        if forget:
            await self._keys.delete_one(_of(claim))
        else:
            await self._keys.update_one(_of(claim), {"$set": {"leased_until": now()}})


def _of(claim: Claim) -> Document:
    return {"_id": claim.key_id, "owner": claim.owner}


def _times() -> Document:
    return {"leased_until": now() + LEASE, "expires_at": now() + TTL}
