"""What a worker does with a window of records: views first, then automations, then the positions (design 12)."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from shared.chassis import clock, event_store, kafka, mongo
from shared.chassis.automations import Reactor
from shared.chassis.codec import Codec
from shared.chassis.crash_points import Point, passing
from shared.chassis.erasure import Eraser
from shared.chassis.holes import Holes
from shared.chassis.logs import about, told
from shared.chassis.maintaining import Maintained
from shared.chassis.positions import Positions
from shared.chassis.projections import Arrival, Projector
from shared.chassis.telemetry import SpanKind, begun, handling, mark
from shared.chassis.worker_lag import WorkerLag
from shared.events.cloudevents import NotACloudEvent, from_record
from shared.events.envelope import StoredEvent
from shared.kernel.errors import RevisionMismatch
from shared.kernel.streams import category_of

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
        holes: Holes,
    ) -> None:
        self._service = service
        self._codec = codec
        self._maintained = maintained
        self._reactors = reactors
        self._eraser = eraser
        self._positions = positions
        self._holes = holes
        self._turn = asyncio.Lock()
        self.handled: dict[TopicPartition, tuple[int, datetime]] = {}
        self.lag = WorkerLag(service)

    async def handle(self, window: Sequence[ConsumerRecord]) -> None:
        """Everything the window leads to; returns only when it is safely written."""
        records = [(record, _event_in(record)) for record in window]
        stored = [event for _, event in records if event is not None]
        last = {_partition(record): (record, event) for record, event in records}
        for tp, number in Counter(map(_partition, window)).items():
            record, event = last[tp]
            self._holes.notice(tp, record.offset, number, event)
        about(stored[0] if stored else None)
        await self._until_done(stored, {tp: (record.offset, event) for tp, (record, event) in last.items()})
        self.handled |= {tp: (record.offset, _time_of(record)) for tp, (record, _) in last.items()}
        about(None)

    async def run(self) -> None:
        """Fill the holes that no record comes after, until cancelled."""
        while True:
            await self._holes.found.wait()
            await self._until_done([], {})

    async def _until_done(
        self, stored: Sequence[StoredEvent], read: Mapping[TopicPartition, tuple[int, StoredEvent | None]]
    ) -> None:
        """Holes first: a position that is saved says that everything before it was handled."""
        pause = _FIRST_PAUSE
        async with self._turn:
            while True:
                try:
                    await self._holes.fill(self._within_a_window)
                    if read:
                        async with self._maintained.window():
                            await self._apply(stored)
                            await self._positions.save(read)
                    return
                except INFRASTRUCTURE_ERRORS as error:
                    log.warning("worker waits", error=told(error), seconds=pause, events=len(stored))
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)

    async def _within_a_window(self, stored: Sequence[StoredEvent]) -> None:
        async with self._maintained.window():
            await self._apply(stored)

    async def _apply(self, stored: Sequence[StoredEvent]) -> None:
        decoded = await self._codec.events(stored)
        window = [Arrival(s, d) for s, d in zip(stored, decoded, strict=True)]
        for projector in self._maintained.projectors:
            since = begun()
            await projector.apply(window)
            if since:
                self._mark(projector, stored, since)
        passing(Point.AFTER_VIEWS_BEFORE_AUTOMATIONS)
        for reactor in self._reactors:
            await reactor.apply(window)
        await self._eraser.apply(window)
        passing(Point.AFTER_MONGO_BEFORE_ACK)

    def _mark(self, projector: Projector, stored: Sequence[StoredEvent], since: int) -> None:
        """The documents are written: a reader sees the events from here on."""
        for event in stored:
            if category_of(event.stream) == projector.projection.category:
                name, attributes = handling(event, self._service, projector.name)
                mark(event, name, SpanKind.CONSUMER, since, attributes)

    def measure(self, highwater: dict[TopicPartition, int]) -> int:
        """Set the lag metrics from the brokers' newest offsets; the lag in records."""
        return self.lag.measure(highwater, self.handled, self._maintained.projectors)


def _event_in(record: ConsumerRecord) -> StoredEvent | None:
    """None for a record that is not an event of ours: it is logged, and whatever it stood for is in the event store."""
    try:
        return from_record(record.value, record.headers)
    except NotACloudEvent as error:
        log.error("not an event", topic=record.topic, partition=record.partition, offset=record.offset, why=str(error))
        return None


def _partition(record: ConsumerRecord) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)


def _time_of(record: ConsumerRecord) -> datetime:
    return datetime.fromtimestamp(record.timestamp / 1000, tz=clock.now().tzinfo)
