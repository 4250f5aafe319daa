"""A view built anew beside the live one, while writes and reads go on (design 12, ADR 15).

The version is announced, and the workers write to it from then on. Then history is read up to where it ended at that
moment, folded in memory by the same fold, and inserted; where a worker was first, the higher revision stays. Nothing
here knows automations: a rebuild cannot run one.
"""

import asyncio
import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic

import structlog
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError

from shared.chassis import clock, kafka, mongo
from shared.chassis.barrier import handled
from shared.chassis.codec import Undecodable
from shared.chassis.crash_points import Point, passing
from shared.chassis.documents import AnyProjection, Folded, Unwritable, ensure_indexes, has_personal_fields
from shared.chassis.folding import FULL, Part, Rest
from shared.chassis.history import History, Source, followed, history
from shared.chassis.lease import RENEW_SECONDS, Lease
from shared.chassis.mongo import Collection, Document
from shared.chassis.parking import BEHIND, Parking
from shared.chassis.positions import Positions
from shared.chassis.projections import Projector
from shared.chassis.runtime import Runtime
from shared.chassis.switching import NotPossible, begin, loaded, told, workers
from shared.chassis.versions import Version
from shared.events.base import Event
from shared.events.envelope import Recorded, StoredEvent
from shared.events.topics import events_topic

DOCUMENTS_IN_MEMORY = 100_000
CATCH_UP_SECONDS = 120.0
CLOCKS_APART = timedelta(minutes=1)
_INSERT = 1_000
_ALLOCATIONS = 200_000
_DUPLICATE_KEY = 11000
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Progress:
    """`done` of 2**32 of the keys are loaded; `read` counts records, over all passes, of `total` in each pass."""

    source: Source
    read: int
    total: int | None
    documents: int
    done: int
    passes: int
    seconds: float


@dataclass(frozen=True)
class Rebuilt:
    """What came of it. `kept` documents were written by a live worker first; `parked` streams have a failing event."""

    version: Version
    source: Source
    events: int
    documents: int
    kept: int
    parked: int
    passes: int
    seconds: float


class Rebuild:
    """One rebuild of one view. Infrastructure errors escape; run it again and it goes on after its last full pass."""

    def __init__(
        self,
        running: Runtime,
        projection: AnyProjection,
        source: Source | None = None,
        limit: int = DOCUMENTS_IN_MEMORY,
        tell: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._running = running
        self._projection = projection
        self._source = source
        self._limit = limit
        self._tell = tell
        self._parking = Parking(running.settings.service, running.db, _nobody)
        self._begun = monotonic()
        self._read = self._documents = self._kept = self._passes = self._parked = 0

    async def run(self) -> Rebuilt:
        """Until the new version is ready to switch to. NotPossible while another process rebuilds the view."""
        lease = Lease(self._running.db["leases"], f"rebuild/{self._projection.collection}", clock.new_id())
        if await lease.acquire() is None:
            raise NotPossible(f"{self._projection.collection} is being rebuilt by somebody else")
        work = asyncio.ensure_future(self._build())
        keeping = asyncio.ensure_future(_keep(lease))
        try:
            await asyncio.wait({work, keeping}, return_when=asyncio.FIRST_COMPLETED)
            return await work if work.done() else await _failed(keeping)
        finally:
            for task in (work, keeping):
                task.cancel()
            await asyncio.gather(work, keeping, return_exceptions=True)
            with suppress(*mongo.INFRASTRUCTURE_ERRORS):
                await lease.release()

    async def _build(self) -> Rebuilt:
        known, version = await begin(self._running.db, self._projection.collection)
        await told(self._running.db, known.view, known.epoch)
        # What an interrupted run parked is tried again. Before history's end is fixed: what a worker parks behind it
        # until then is in there, and what it parks later stays.
        await self._running.db["parked"].delete_many({"handler": version.collection})
        past = await history(self._running, self._projection, self._source)
        collection = self._running.db[version.collection]
        with _rare_collections():
            await self._load(past, version, collection)
        await ensure_indexes(collection, self._projection)
        await self._forget_the_erased(version)
        await self._catch_up()
        result = Rebuilt(
            replace(version, state="ready", done=FULL),
            past.source,
            self._read,
            self._documents,
            self._kept,
            self._parked,
            self._passes,
            round(monotonic() - self._begun, 3),
        )
        note = {"source": past.source, "events": self._read, "seconds": result.seconds, "parked": self._parked}
        await loaded(self._running.db, known.view, version.number, {"state": "ready", "done": FULL, "note": note})
        return result

    async def _load(self, past: History, version: Version, collection: Collection) -> None:
        """Pass by pass over the keys' hash space: as much of it at a time as fits into memory."""
        done, width = version.done, FULL
        while done < FULL:
            part = Part(self._projection, done, min(FULL, done + width), self._limit)
            self._passes += 1
            await self._fold(past, part, version)
            await self._insert_all(part, version, collection)
            passing(Point.MID_REBUILD)
            done, width = part.high, part.high - part.low
            await loaded(self._running.db, self._projection.collection, version.number, {"done": done})
            self._report(past, done)

    async def _fold(self, past: History, part: Part, version: Version) -> None:
        async for read, stored in past.read(part.holds):
            for each, event in zip(stored, await self._events(stored), strict=True):
                rest = part.take(each, event)
                if rest is not None:
                    await self._settle(part, rest, version)
            part.shrink()
            self._read += read
            self._report(past, part.low, len(part.documents))

    async def _events(self, stored: Sequence[StoredEvent]) -> Sequence[Event | Undecodable | None]:
        """As the live worker sees them. From Kafka they come without metadata, which the relay has checked."""
        codec = self._running.store.codec
        if not stored or not stored[0].metadata:
            return await codec.events(stored)
        return [d.event if isinstance(d, Recorded) else d for d in await codec.decode(stored)]

    async def _settle(self, part: Part, rest: Rest, version: Version) -> None:
        """What the simple fold left: a gap is read from the event store, a failing event parked with all behind it."""
        store = self._running.store
        stored = [rest.event]
        if rest.error is None:
            first = rest.document.revision + 1
            stored = await store.read_stored(rest.event.stream, first, rest.event.revision - first + 1)
        for index, (each, event) in enumerate(zip(stored, await self._events(stored), strict=True)):
            error = rest.error or rest.document.take(self._projection, each.revision, event)
            if error is not None:
                await self._park(part, stored[index:], error, version)
                return

    async def _park(self, part: Part, stored: Sequence[StoredEvent], error: str, version: Version) -> None:
        self._parked += stored[0].stream not in part.stuck
        part.stuck.add(stored[0].stream)
        for event in stored:
            await self._parking.park(version.collection, event, error)
            error = BEHIND

    async def _insert_all(self, part: Part, version: Version, collection: Collection) -> None:
        """The next documents are encoded while the last ones are on their way."""
        documents = list(part.documents.values())
        part.documents.clear()
        writing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        writing.set_result(None)
        for start in range(0, len(documents), _INSERT):
            some = documents[start : start + _INSERT]
            rows = [await self._encoded(part, document, version) for document in some]
            await writing
            writing = asyncio.ensure_future(self._insert(collection, [row for row in rows if row is not None]))
            await asyncio.sleep(0)
        await writing

    async def _encoded(self, part: Part, document: Folded, version: Version) -> Document | None:
        try:
            return document.to_raw()
        except Unwritable:
            return await self._writable(part, document, version)

    async def _writable(self, part: Part, document: Folded, version: Version) -> Document | None:
        """The document as it was before the event that made it unwritable, which is parked."""
        store = self._running.store
        stored = await store.read_stored(document.stream, 0, document.revision + 1)
        fresh, last = Folded(document.stream, -1, -1, None), None
        for index, (each, event) in enumerate(zip(stored, await self._events(stored), strict=True)):
            fresh.take(self._projection, each.revision, event)
            try:
                last = fresh.to_raw()
            except Unwritable as reason:
                await self._park(part, stored[index:], str(reason), version)
                break
        return last

    async def _insert(self, collection: Collection, rows: list[Document]) -> None:
        if not rows:
            return
        self._documents += len(rows)
        try:
            await collection.insert_many(rows, ordered=False)
        except BulkWriteError as error:
            failed = error.details["writeErrors"]
            if codes := {e["code"] for e in failed} - {_DUPLICATE_KEY}:
                raise ConnectionError(f"an insert failed with {sorted(codes)}") from None
            newer = [rows[e["index"]] for e in failed]
            guarded = [ReplaceOne({"_id": row["_id"], "_rev": {"$lt": row["_rev"]}}, row) for row in newer]
            result = await collection.bulk_write(guarded, ordered=False)
            self._kept += len(guarded) - result.matched_count

    async def _forget_the_erased(self, version: Version) -> None:
        """Whose key was destroyed since the beginning: their events may have been read before, and inserted after."""
        if not has_personal_fields(self._projection) or version.started_at is None:
            return
        running = self._running
        name = running.settings.service
        projector = Projector(name, self._projection, running.db, running.store, self._parking, version.collection)
        async for row in running.db["erasures"].find({"at": {"$gte": version.started_at - CLOCKS_APART}}):
            running.store.codec.forget(row["_id"])
            await projector.fold_anew(row["_id"])

    async def _catch_up(self) -> None:
        """Until the workers have handled what the topics hold now, so that all versions have seen the same."""
        running, view = self._running, self._projection.collection
        if not (await workers(running.db, view)).seen:
            return
        ends = await kafka.ends(running.settings.brokers, map(events_topic, followed(self._projection)))
        until = monotonic() + CATCH_UP_SECONDS
        while (await workers(running.db, view)).seen:
            if await handled(Positions(running.db), ends):
                return
            if monotonic() > until:
                raise NotPossible("the workers lag too far behind; run the rebuild again when they have caught up")
            await asyncio.sleep(0.1)

    def _report(self, past: History, done: int, folding: int = 0) -> None:
        seconds = monotonic() - self._begun
        documents = self._documents + folding
        self._tell(Progress(past.source, self._read, past.total, documents, done, self._passes, seconds))


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Thousands of events live for the length of a batch; Python's collector, which counts them, would halve the speed.

    They are no cycles, so there is next to nothing to find.
    """
    before = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def _keep(lease: Lease) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        await lease.renew()


async def _failed(keeping: "asyncio.Future[None]") -> Rebuilt:
    await keeping
    raise AssertionError("a lease is kept until it is lost")


async def _nobody(_handler: str, _event: StoredEvent, _reason: str) -> None:
    """The operator who rebuilds is told by the result."""
