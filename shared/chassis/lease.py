"""One holder at a time, with a fencing number: whoever was replaced can no longer write what the lease protects."""

from datetime import timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from shared.chassis import clock
from shared.chassis.mongo import Collection, Document, journaled

LEASE_SECONDS = 5.0
RENEW_SECONDS = 1.5


class Fenced(Exception):
    """Somebody else holds the lease now; stop at once."""


class Lease:
    """A lease document `{_id: name, holder, until, epoch, ...}`; other fields are the holder's, written by `save`.

    Clocks of the hosts may differ: two may then hold it for a while, but only the newer epoch can save.
    """

    def __init__(self, collection: Collection, name: str, holder: str) -> None:
        self._collection = journaled(collection)
        self._name = name
        self._holder = holder
        self._epoch = 0

    async def acquire(self) -> Document | None:
        """Take the lease if it is free, expired or ours; the document, or None while another one holds it."""
        now = clock.now()
        try:
            return await self._claimed({"_id": self._name, "$or": [{"until": {"$lt": now}}, {"holder": self._holder}]})
        except DuplicateKeyError:
            return None

    async def take(self) -> Document:
        """Take the lease from whoever holds it, who is fenced from now on; the document."""
        while (found := await self._claimed({"_id": self._name})) is None:
            pass
        return found

    async def _claimed(self, wanted: Document) -> Document | None:
        """None also when SecantusDB lost sight of the document because another claim came between: ask again."""
        update = {"$set": self._claim(), "$inc": {"epoch": 1}}
        found: Document | None = await self._collection.find_one_and_update(
            wanted, update, upsert=True, return_document=ReturnDocument.AFTER
        )
        if found is not None:
            self._epoch = found["epoch"]
        return found

    async def renew(self) -> None:
        """Keep it for another term. Fenced if it was lost."""
        await self.save(self._claim())

    async def save(self, fields: dict[str, Any]) -> None:
        """Set fields of the document, as its holder. Fenced if it was lost."""
        mine = {"_id": self._name, "epoch": self._epoch}
        result = await self._collection.update_one(mine, {"$set": fields})
        if result.matched_count == 0:
            raise Fenced(self._name)

    async def release(self) -> None:
        """Let the next one in without waiting for the term to end."""
        await self._collection.update_one({"_id": self._name, "epoch": self._epoch}, {"$set": {"until": clock.now()}})

    def _claim(self) -> dict[str, Any]:
        return {"holder": self._holder, "until": clock.now() + timedelta(seconds=LEASE_SECONDS)}
