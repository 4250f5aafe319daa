"""What is known about the records that a file mentions: read from this service's own views, many at once."""

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from shared.chassis.barrier import views_caught_up
from shared.chassis.documents import folded
from shared.chassis.event_store import NO_STREAM
from shared.chassis.mongo import by_ids
from shared.chassis.runtime import Runtime
from shared.events.base import Event
from shared.kernel.decider import Projection
from shared.kernel.streams import key_of

PATIENCE_SECONDS = 60.0
_SCANNED = 1000


@dataclass(frozen=True, slots=True)
class Known:
    """A view (None: there is none) and the revision its stream had then (-1: no stream)."""

    view: Any
    revision: int


UNKNOWN = Known(None, NO_STREAM)


@dataclass(frozen=True, slots=True)
class Digest:
    """Enough to see that a record is as a row has it."""

    stream: str
    row_digest: str
    observed_at: datetime | None


class Records(Protocol):
    """May lag behind the streams; what it says is checked by the revision when events are appended."""

    async def caught_up(self, projection: Projection[Any, Any]) -> bool:
        """Wait until the view has everything that is stored now; False if it has not within a minute."""
        ...

    async def known(self, projection: Projection[Any, Any], streams: Iterable[str]) -> dict[str, Known]:
        """By stream; streams without a document are absent."""
        ...

    def digests(self, projection: Projection[Any, Any], clinic_id: str) -> AsyncIterator[Sequence[Digest]]:
        """All of a clinic's records, in batches."""
        ...


class MongoRecords:
    """The views of the worker."""

    def __init__(self, running: Runtime) -> None:
        self._running = running

    async def caught_up(self, projection: Projection[Any, Any]) -> bool:
        types = "|".join(re.escape(event.type_name) for event in projection.handles if issubclass(event, Event))
        return await views_caught_up(self._running, types, PATIENCE_SECONDS)

    async def known(self, projection: Projection[Any, Any], streams: Iterable[str]) -> dict[str, Known]:
        keys = {key_of(stream): stream for stream in streams}
        collection = await self._running.versions.collection(projection)
        rows = await by_ids(collection, keys)
        documents = [folded(projection, keys[row["_id"]], row) for row in rows]
        return {document.stream: Known(document.view, document.revision) for document in documents}

    async def digests(self, projection: Projection[Any, Any], clinic_id: str) -> AsyncIterator[Sequence[Digest]]:
        # Ids begin with the clinic, so this reads a range of the index that every collection has.
        wanted = {"_id": {"$regex": f"^{re.escape(clinic_id)}\\."}}
        fields = {"row_digest": 1, "observed_at": 1}
        collection = await self._running.versions.collection(projection)
        cursor = collection.find(wanted, fields, batch_size=_SCANNED)
        while rows := await cursor.to_list(_SCANNED):
            yield [
                Digest(f"{projection.category}-{row['_id']}", row.get("row_digest", ""), row.get("observed_at"))
                for row in rows
            ]
