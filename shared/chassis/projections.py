"""Read models from windows of events: one find, a fold in memory, one bulk write for each view (design 10-13)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from pymongo import InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError, OperationFailure

from shared.chassis import metrics
from shared.chassis.codec import Undecodable
from shared.chassis.documents import AnyProjection, Folded, Unreadable, Unwritable, folded
from shared.chassis.event_store import NO_STREAM, EventStore
from shared.chassis.logs import about
from shared.chassis.mongo import Database, Document, by_ids
from shared.chassis.parking import BEHIND, Parking
from shared.events.base import Event
from shared.events.envelope import StoredEvent
from shared.kernel.streams import category_of, key_of

_DUPLICATE_KEY = 11000
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event as it arrived and as it was decoded; None: of a type that this version does not know."""

    stored: StoredEvent
    event: Event | Undecodable | None


class Projector:
    """Keeps one version of a view, in the collection `name`, under which it also parks (default: the view's own).

    Infrastructure errors escape; the same window may then be applied again.
    """

    def __init__(
        self,
        service: str,
        projection: AnyProjection,
        db: Database,
        store: EventStore,
        parking: Parking,
        name: str = "",
    ) -> None:
        self.projection = projection
        self.name = name or projection.collection
        self._collection = db[self.name]
        self._store = store
        self._parking = parking
        self._labels = (service, self.name)

    async def apply(self, window: Sequence[Arrival]) -> None:
        """Fold the window's events of this view's streams, each stream in order, and write every document once."""
        streams: dict[str, list[Arrival]] = defaultdict(list)
        for arrival in window:
            if category_of(arrival.stored.stream) == self.projection.category:
                streams[arrival.stored.stream].append(arrival)
        await self._park_behind_parked(streams)
        # A stream that begins in this window has no document yet, as a rule: only if its insert fails is it looked up.
        begun = {stream for stream, arrivals in streams.items() if arrivals[0].stored.revision == 0}
        while streams:
            found = await self._found({stream: streams[stream] for stream in streams.keys() - begun})
            found += [folded(self.projection, stream, None) for stream in begun]
            documents = [await self._folded(f, streams[f.stream]) for f in found]
            lost = await self._write([d for d in documents if d.revision != d.stored_rev], streams)
            metrics.PROJECTION_EVENTS.labels(*self._labels).inc(sum(map(len, streams.values())))
            streams, begun = {stream: streams[stream] for stream in lost}, set()

    async def _park_behind_parked(self, streams: dict[str, list[Arrival]]) -> None:
        """Later events of a stream wait behind its parked one, or the order would break."""
        for stream in list(streams):
            free: list[Arrival] = []
            blocked: list[Arrival] = []
            for arrival in streams.pop(stream):
                (blocked if await self._parking.blocks(self.name, arrival.stored) else free).append(arrival)
            await self._park(blocked)
            if free:
                streams[stream] = free

    async def _found(self, streams: Mapping[str, Sequence[Arrival]]) -> list[Folded]:
        """The documents as they are stored; the arrivals of one that cannot be read are parked."""
        if not streams:
            return []
        keys = {key_of(stream): stream for stream in streams}
        rows = {row["_id"]: row for row in await by_ids(self._collection, keys)}
        found = []
        for key, stream in keys.items():
            try:
                found.append(folded(self.projection, stream, rows.get(key)))
            except Unreadable as reason:
                log.error("unreadable document", view=self.name, stream=stream, reason=str(reason))
                await self._parking.park(self.name, streams[stream][0].stored, str(reason))
                await self._park(streams[stream][1:])
        return found

    async def _folded(self, document: Folded, arrivals: Sequence[Arrival]) -> Folded:
        for index, arrival in enumerate(arrivals):
            about(arrival.stored)
            if arrival.stored.revision > document.revision + 1:
                gap = await self._missing(document, arrival.stored.revision)
                if not await self._step_all(document, gap):
                    await self._park(arrivals[index:])
                    return document
            if arrival.stored.revision > document.revision and not await self._step_all(document, [arrival]):
                await self._park(arrivals[index + 1 :])
                return document
        return document

    async def _missing(self, document: Folded, until: int) -> list[Arrival]:
        first = document.revision + 1
        stored = await self._store.read_stored(document.stream, first, until - first)
        log.info("gap closed", view=self.name, stream=document.stream, first=first, events=len(stored))
        events = await self._store.codec.events(stored)
        return [Arrival(s, e) for s, e in zip(stored, events, strict=True)]

    async def _step_all(self, document: Folded, arrivals: Sequence[Arrival]) -> bool:
        """Fold them; False when one could not be, after parking it and those behind it."""
        for index, arrival in enumerate(arrivals):
            if error := self._step(document, arrival):
                await self._parking.park(self.name, arrival.stored, error)
                await self._park(arrivals[index + 1 :])
                return False
        return True

    def _step(self, document: Folded, arrival: Arrival) -> str | None:
        """Fold one event into the document; the reason if its handler failed."""
        return document.take(self.projection, arrival.stored.revision, arrival.event)

    async def release(self, stream: str) -> None:
        """Fold what is parked of the stream once more, and what came behind it; what fails again is parked again.

        By the stream's newest event: what is missing before it is read from the event store.
        """
        await self._parking.release(self.name, stream)
        if (newest := await self._store.last(stream)) is not None:
            [event] = await self._store.codec.events([newest])
            await self.apply([Arrival(newest, event)])
        await self._parking.forget(self.name, stream)

    async def fold_anew(self, subject: str) -> None:
        """Fold again, from the event store, every document that holds something of an erased person."""
        async for row in self._collection.find({"_subjects": subject}):
            await self._fold_anew(f"{self.projection.category}-{row['_id']}", row["_rev"])

    async def _fold_anew(self, stream: str, revision: int) -> None:
        """Somebody else's write in between wins; their document is found again by the next sweep."""
        document = Folded(stream, NO_STREAM, NO_STREAM, None)
        arrivals = await self._missing(document, revision + 1)
        if await self._step_all(document, arrivals):
            document.stored_rev = revision
            document.subjects = await self._store.codec.living(document.subjects)
            await self._write([document], {stream: arrivals})

    async def _park(self, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            await self._parking.park(self.name, arrival.stored, BEHIND)

    async def _write(self, documents: Sequence[Folded], streams: dict[str, list[Arrival]]) -> set[str]:
        """Write what is newer than the database; the streams whose document somebody else wrote meanwhile."""
        operations = []
        for document in documents:
            try:
                operations.append(document.to_operation())
            except Unwritable as reason:
                for arrival in streams[document.stream]:
                    await self._parking.park(self.name, arrival.stored, str(reason))
        if not operations or await self._written(operations):
            return set()
        return {document.stream for document in documents}

    async def _written(self, operations: Sequence[InsertOne[Document] | ReplaceOne[Document]]) -> bool:
        try:
            result = await self._collection.bulk_write(operations, ordered=False)
        except BulkWriteError as error:
            if codes := {e["code"] for e in error.details["writeErrors"]} - {_DUPLICATE_KEY}:
                # The original quotes whole documents, and whoever waits for the server logs what it is told.
                raise OperationFailure(f"a bulk write failed with {sorted(codes)}") from None
            return False
        return result.inserted_count + result.matched_count == len(operations)
