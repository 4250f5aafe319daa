"""What a worker can no longer get from Kafka, read from the event store instead (design 8, 11).

Retention may have taken records before they were read, and a client may pass over one (aiokafka #1173). Offsets of our
topics are without holes, since nothing is compacted and nothing written in transactions: so a hole tells.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import structlog

from shared.chassis import kafka
from shared.chassis.event_store import EventStore
from shared.chassis.kafka import TopicPartition
from shared.chassis.positions import Positions
from shared.chassis.relay import own_types
from shared.events.envelope import StoredEvent
from shared.events.topics import service_of

BATCH = 500
"""Events of the store that are handled together."""
Apply = Callable[[Sequence[StoredEvent]], Awaitable[None]]
log = structlog.get_logger(__name__)


class Holes:
    """What is owed, by topic: everything that its service stored after a position. `found` is set while there is any.

    No position may be saved before it is filled: after a restart nobody would know of it.
    """

    def __init__(self, store: EventStore, positions: Positions) -> None:
        self._store = store
        self._positions = positions
        self._next: dict[TopicPartition, int] = {}
        self._seen: dict[TopicPartition, int] = {}
        self._owed: dict[str, int] = {}
        self._moved: dict[TopicPartition, int] = {}
        self.found = asyncio.Event()

    async def starting_points(self, bootstrap: str, points: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Where to start instead of `points`, before which nothing may be left. Raises infrastructure errors."""
        begins = await kafka.begins(bootstrap, {tp.topic for tp in points})
        saved = await self._positions.load(points)
        return {tp: self._start(tp, offset, begins.get(tp, 0), saved.get(tp)) for tp, offset in points.items()}

    def _start(self, tp: TopicPartition, offset: int, begin: int, row: dict[str, Any] | None) -> int:
        """Where all that was read is gone there is nothing to compare: it is taken for the topic that it was."""
        goes_on = row is not None and (offset == row["next"] or begin >= row["next"])
        at, position = (row["next"], row["position"] or 0) if row is not None and goes_on else (0, 0)
        self._next[tp], self._seen[tp] = max(at, begin), position
        if begin > at:
            self._owe(tp, position, begin - at)
            self._moved[tp] = begin
        return self._next[tp]

    def notice(self, tp: TopicPartition, last: int, records: int, event: StoredEvent | None) -> None:
        """A window has so many records of a partition; the last one has the offset `last` and holds `event`."""
        missing = last + 1 - self._next.get(tp, last + 1 - records) - records
        if missing > 0:
            self._owe(tp, self._seen.get(tp, 0), missing)
        self._next[tp] = last + 1
        if event is not None:
            self._seen[tp] = event.position

    def _owe(self, tp: TopicPartition, position: int, records: int) -> None:
        log.warning("records are missing", topic=tp.topic, partition=tp.partition, records=records, after=position)
        self._owed[tp.topic] = min(position, self._owed.get(tp.topic, position))
        self.found.set()

    async def fill(self, apply: Apply) -> None:
        """Give `apply` all that is owed, stream by stream in order. Infrastructure errors escape, and it stays owed."""
        while self._owed:
            topic, after = next(iter(self._owed.items()))
            last = await self._read(topic, after, apply)
            moved = {tp: begin for tp, begin in self._moved.items() if tp.topic == topic}
            await self._positions.move(moved, last)
            for tp in moved:
                del self._moved[tp]
            if self._owed[topic] == after:
                del self._owed[topic]
        self.found.clear()

    async def _read(self, topic: str, after: int, apply: Apply) -> int:
        """The position of the last event that was read."""
        batch: list[StoredEvent] = []
        async with aclosing(self._store.scan(after, own_types(service_of(topic)))) as events:
            async for event in events:
                after = event.position
                batch.append(event)
                if len(batch) == BATCH:
                    await apply(batch)
                    batch = []
        if batch:
            await apply(batch)
        return after
