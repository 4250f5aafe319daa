"""What a worker does with a window of records: views first, then automations, then the positions (design 12)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from aiokafka import TopicPartition
from faust.types import EventT

from shared.chassis import clock, event_store, kafka, metrics, mongo
from shared.chassis.automations import Reactor
from shared.chassis.codec import Codec
from shared.chassis.erasure import Eraser
from shared.chassis.logs import told
from shared.chassis.maintaining import Maintained
from shared.chassis.positions import Positions
from shared.chassis.projections import Arrival
from shared.events.cloudevents import NotACloudEvent, from_record
from shared.events.envelope import StoredEvent
from shared.kernel.errors import RevisionMismatch

INFRASTRUCTURE_ERRORS = (
    *event_store.INFRASTRUCTURE_ERRORS,
    *mongo.INFRASTRUCTURE_ERRORS,
    *kafka.INFRASTRUCTURE_ERRORS,
    RevisionMismatch,
)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
log = structlog.get_logger(__name__)


class Follower:
    """Applies windows for ever: broken infrastructure is waited for, a broken handler parked."""

    def __init__(
        self,
        service: str,
        codec: Codec,
        maintained: Maintained,
        reactors: Sequence[Reactor],
        eraser: Eraser,
        positions: Positions,
    ) -> None:
        self._service = service
        self._codec = codec
        self._maintained = maintained
        self._reactors = reactors
        self._eraser = eraser
        self._positions = positions
        self.handled: dict[TopicPartition, tuple[int, datetime]] = {}

    async def handle(self, window: Sequence[EventT[bytes]]) -> None:
        """Everything the window leads to; returns only when it is safely written."""
        records = [(event.message, _event_in(event)) for event in window]
        stored = [event for _, event in records if event is not None]
        pause = _FIRST_PAUSE
        while True:
            try:
                async with self._maintained.window():
                    await self._apply(stored)
                    await self._positions.save({_partition(m): (m.offset, event) for m, event in records})
                break
            except INFRASTRUCTURE_ERRORS as error:
                log.warning("worker waits", service=self._service, error=told(error), seconds=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        for message, _ in records:
            self.handled[_partition(message)] = (message.offset, _time_of(message))

    async def _apply(self, stored: Sequence[StoredEvent]) -> None:
        decoded = await self._codec.decode(stored)
        window = [Arrival(s, d) for s, d in zip(stored, decoded, strict=True)]
        for projector in self._maintained.projectors:
            await projector.apply(window)
        for reactor in self._reactors:
            await reactor.apply(window)
        await self._eraser.apply(window)

    def measure(self, highwater: dict[TopicPartition, int]) -> int:
        """Set the lag metrics from the brokers' newest offsets; the lag in records."""
        behind = {tp: end - 1 - self.handled[tp][0] for tp, end in highwater.items() if tp in self.handled}
        late = [clock.now() - self.handled[tp][1] for tp, lag in behind.items() if lag > 0]
        seconds = max(late, default=timedelta()).total_seconds()
        for projector in self._maintained.projectors:
            labels = (self._service, projector.name)
            metrics.PROJECTION_LAG_EVENTS.labels(*labels).set(sum(behind.values()))
            metrics.PROJECTION_LAG_SECONDS.labels(*labels).set(seconds)
        return sum(behind.values())


def _event_in(event: EventT[bytes]) -> StoredEvent | None:
    """None for a record that is not an event of ours: it is logged, and whatever it stood for is in the event store."""
    message = event.message
    try:
        return from_record(message.value, _headers(message))
    except NotACloudEvent as error:
        log.error(
            "not an event", topic=message.topic, partition=message.partition, offset=message.offset, why=str(error)
        )
        return None


def _headers(message: Any) -> list[tuple[str, bytes]]:
    headers = message.headers or ()
    return list(headers.items() if isinstance(headers, dict) else headers)


def _partition(message: Any) -> TopicPartition:
    return TopicPartition(message.topic, message.partition)


def _time_of(message: Any) -> datetime:
    return datetime.fromtimestamp(message.timestamp, tz=clock.now().tzinfo)
