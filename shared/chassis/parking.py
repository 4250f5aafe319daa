"""Events that a handler could not handle, kept in order with those behind them until an operator acts (design 13)."""

from collections.abc import Awaitable, Callable
from time import monotonic

import structlog

from shared.chassis import clock, kafka, metrics
from shared.chassis.mongo import Database, journaled
from shared.events.envelope import StoredEvent

_REFRESH_SECONDS = 5.0
Announce = Callable[[str, StoredEvent, str], Awaitable[None]]
log = structlog.get_logger(__name__)


class Parking:
    """The parked events of one service. `announce` tells the parked topic."""

    def __init__(self, service: str, db: Database, announce: Announce) -> None:
        self._service = service
        self._parked = journaled(db["parked"])
        self._announce = announce
        self._streams: dict[str, set[str]] = {}
        self._fresh_until = 0.0

    async def streams(self, handler: str) -> set[str]:
        """The streams that `handler` must not touch. An operator's release is noticed within 5 s."""
        if monotonic() >= self._fresh_until:
            found: dict[str, set[str]] = {}
            async for row in self._parked.find({}, {"handler": 1, "stream": 1}):
                found.setdefault(row["handler"], set()).add(row["stream"])
            self._streams, self._fresh_until = found, monotonic() + _REFRESH_SECONDS
        return self._streams.get(handler, set())

    async def park(self, handler: str, event: StoredEvent, reason: str) -> None:
        """Keep the event; parking it again only counts the attempt."""
        row = {
            "handler": handler,
            "stream": event.stream,
            "revision": event.revision,
            "position": event.position,
            "type": event.type,
            "first_at": clock.now(),
        }
        update = {"$setOnInsert": row, "$set": {"reason": reason, "last_at": clock.now()}, "$inc": {"attempts": 1}}
        result = await self._parked.update_one({"_id": f"{handler}/{event.id}"}, update, upsert=True)
        self._streams.setdefault(handler, set()).add(event.stream)
        if result.upserted_id is not None:
            log.error("parked", handler=handler, stream=event.stream, type=event.type, event_id=str(event.id))
            metrics.PARKED_EVENTS.labels(self._service, handler).inc()
            await self._tell(handler, event, reason)

    async def _tell(self, handler: str, event: StoredEvent, reason: str) -> None:
        try:
            await self._announce(handler, event, reason)
        except kafka.INFRASTRUCTURE_ERRORS as error:
            # The collection is the truth; the topic is for those who watch.
            log.warning("parked topic not told", handler=handler, error=repr(error))

    async def release(self, handler: str, stream: str) -> int:
        """Let the handler at the stream again: its document's gap is then read from the event store. How many."""
        result = await self._parked.delete_many({"handler": handler, "stream": stream})
        self._fresh_until = 0.0
        metrics.PARKED_EVENTS.labels(self._service, handler).dec(result.deleted_count)
        return result.deleted_count
