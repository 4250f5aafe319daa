"""Events that a handler could not handle, kept in order with those behind them until an operator acts (design 13)."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic

import structlog

from shared.chassis import clock, kafka, metrics, mongo
from shared.chassis.crash_points import Point, passing
from shared.chassis.logs import about, told
from shared.chassis.mongo import Database, Document, journaled
from shared.chassis.telemetry import SpanKind, begun, mark
from shared.events.envelope import StoredEvent

BEHIND = "waits behind a parked event"
_REFRESH_SECONDS = 5.0
_HELD = {"released": {"$ne": True}}
_PATIENCE = 30.0
Announce = Callable[[str, StoredEvent, str], Awaitable[None]]
log = structlog.get_logger(__name__)


class Parking:
    """The parked events of one service. `announce` tells the parked topic."""

    def __init__(self, service: str, db: Database, announce: Announce) -> None:
        self._service = service
        self._parked = journaled(db["parked"])
        self._announce = announce
        self._first: dict[tuple[str, str], int] = {}
        self._fresh_until = 0.0
        self._measured: set[str] = set()

    async def run(self) -> None:
        """Keep the metric true until cancelled: operators release from another process, and a restart forgets."""
        while True:
            try:
                await self.measure()
            except mongo.INFRASTRUCTURE_ERRORS as error:
                log.warning("parked events not counted", service=self._service, error=told(error))
            await asyncio.sleep(_REFRESH_SECONDS)

    async def measure(self) -> None:
        """Set the metric to what is parked, by handler; every worker of a service tells the same."""
        counted = self._parked.aggregate([{"$group": {"_id": "$handler", "n": {"$sum": 1}}}])
        found = {row["_id"]: row["n"] async for row in counted}
        self._measured |= found.keys()
        for handler in self._measured:
            metrics.PARKED_EVENTS.labels(self._service, handler).set(found.get(handler, 0))

    async def blocks(self, handler: str, event: StoredEvent) -> bool:
        """Whether `handler` must not touch the event: it, or one before it in its stream, is parked.

        An operator's release is noticed within 5 s.
        """
        if monotonic() >= self._fresh_until:
            self._first, self._fresh_until = {}, monotonic() + _REFRESH_SECONDS
            async for row in self._parked.find(_HELD, {"handler": 1, "stream": 1, "revision": 1}):
                self._note(row["handler"], row["stream"], row["revision"])
        first = self._first.get((handler, event.stream))
        return first is not None and first <= event.revision

    def _note(self, handler: str, stream: str, revision: int) -> None:
        self._first[handler, stream] = min(revision, self._first.get((handler, stream), revision))

    async def park(self, handler: str, event: StoredEvent, reason: str) -> None:
        """Keep the event; parking it again only counts the attempt, unless it was released meanwhile.

        `reason` goes out in clear: it quotes nobody.
        """
        row = {
            "handler": handler,
            "stream": event.stream,
            "revision": event.revision,
            "position": event.position,
            "type": event.type,
            "reason": reason,
            "first_at": clock.now(),
        }
        update = {"$setOnInsert": row, "$set": {"last_at": clock.now()}, "$inc": {"attempts": 1}}
        mine = {"_id": f"{handler}/{event.id}"}
        result = await self._parked.update_one(mine, update, upsert=True)
        self._note(handler, event.stream, event.revision)
        self._measured.add(handler)
        if result.upserted_id is not None or await self._parked_again(mine, reason):
            about(event)
            log.error("parked", handler=handler, type=event.type, reason=reason)
            mark(event, "park", SpanKind.INTERNAL, begun(), {"vetwire.handler": handler}, reason)
            metrics.PARKED_EVENTS.labels(self._service, handler).inc(int(result.upserted_id is not None))
            passing(Point.AFTER_PARK_BEFORE_TELLING)
            await self._tell(handler, event, reason)

    async def _parked_again(self, mine: Document, reason: str) -> bool:
        """Whether it had been released: then what went wrong this time is what counts."""
        change = {"$set": {"reason": reason}, "$unset": {"released": ""}}
        result = await self._parked.update_one({**mine, "released": True}, change)
        return result.matched_count > 0

    async def _tell(self, handler: str, event: StoredEvent, reason: str) -> None:
        try:
            await asyncio.wait_for(self._announce(handler, event, reason), _PATIENCE)
        except kafka.INFRASTRUCTURE_ERRORS as error:
            # The collection is the truth; the topic is for those who watch.
            log.warning("parked topic not told", handler=handler, error=told(error))

    async def release(self, handler: str, stream: str) -> list[int]:
        """Let the handler at the stream again; the revisions that were parked, oldest first.

        For `Projector.release` and `Reactor.release`, which then handle the events and call `forget`. Until then they
        are kept, so that whoever dies in between can do it again.
        """
        mine = {"handler": handler, "stream": stream}
        await self._parked.update_many(mine, {"$set": {"released": True}})
        self._fresh_until = 0.0
        return [row["revision"] async for row in self._parked.find(mine).sort("revision", 1)]

    async def forget(self, handler: str, stream: str) -> None:
        """Drop what was released and not parked again."""
        result = await self._parked.delete_many({"handler": handler, "stream": stream, "released": True})
        metrics.PARKED_EVENTS.labels(self._service, handler).dec(result.deleted_count)


def reason_of(error: Exception) -> str:
    """What failed and where in our code, without the error's own words: they may quote a person."""
    frames = traceback.extract_tb(error.__traceback__)
    at = next((frame for frame in reversed(frames) if "site-packages" not in frame.filename), frames[-1])
    return f"{type(error).__name__} in {at.name} ({Path(at.filename).name}:{at.lineno})"
