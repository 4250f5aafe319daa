"""From the event store to Kafka: the only writer to a service's topic (design 7).

Publish, await the broker's word, then store the position of what was published. Whatever breaks, the next round
starts from that position again: readers drop what they have seen.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer

from shared.chassis import event_store, kafka, metrics, mongo
from shared.chassis.crash_points import Point, passing
from shared.chassis.event_store import EventStore
from shared.chassis.lease import RENEW_SECONDS, Fenced, Lease
from shared.chassis.logs import about, told
from shared.chassis.mongo import Database, Document
from shared.chassis.producing import Record, send_all
from shared.chassis.relay_lag import RelayLag
from shared.chassis.tails import Tails
from shared.chassis.tasks import end
from shared.chassis.telemetry import SpanKind, begun, mark, messaging
from shared.events.base import Event
from shared.events.cloudevents import to_headers
from shared.events.envelope import StoredEvent
from shared.events.topics import MAX_MESSAGE_BYTES, events_topic

WINDOW = 1_000
QUEUE = 4_000
_PATIENCE = 30.0
_PAUSE = 0.5
_REFUSED_PAUSE = 10.0
_INFRASTRUCTURE = (
    *event_store.INFRASTRUCTURE_ERRORS,
    *kafka.INFRASTRUCTURE_ERRORS,
    *mongo.INFRASTRUCTURE_ERRORS,
)
log = structlog.get_logger(__name__)


def own_types(service: str) -> str:
    """A regular expression for the stored types of a service."""
    return re.escape(service) + r"\..*"


class StoreWentBack(Exception):
    """The event store ends before what was published already."""


class Relay:
    """One for each service is active at a time; the others wait for its lease. `holder` tells them apart."""

    def __init__(
        self,
        service: str,
        store: EventStore,
        db: Database,
        bootstrap: str,
        published: Iterable[type[Event]],
        holder: str,
    ) -> None:
        self._service = service
        self._topic = events_topic(service)
        self._store = store
        self._bootstrap = bootstrap
        self._published = frozenset(event.type_name for event in published)
        self._lease = Lease(db["relay"], "relay", holder)
        self._tails = Tails({})
        self._largest = MAX_MESSAGE_BYTES
        self._lag = RelayLag(service, store, own_types(service))

    async def run(self) -> None:
        """Relay until cancelled. Infrastructure may come and go."""
        while True:
            try:
                if (state := await self._lease.acquire()) is not None:
                    await self._lead(state)
            except Fenced:
                log.warning("relay fenced", service=self._service)
            except StoreWentBack as refusal:
                log.error("relay refuses", service=self._service, reason=str(refusal))
                await asyncio.sleep(_REFUSED_PAUSE)
            except _INFRASTRUCTURE as error:
                log.warning("relay starts again", service=self._service, error=told(error))
            await asyncio.sleep(_PAUSE)

    async def _lead(self, state: Document) -> None:
        work = asyncio.ensure_future(self._relay(state))
        lease = asyncio.ensure_future(self._keep_lease())
        lag = asyncio.ensure_future(self._lag.run())
        try:
            done, _ = await asyncio.wait({work, lease}, return_when=asyncio.FIRST_COMPLETED)
            await done.pop()
        finally:
            await end(work, lease, lag)
            self._lag.stop()
            with suppress(*mongo.INFRASTRUCTURE_ERRORS):
                await self._lease.release()

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self._lease.renew()

    async def _relay(self, state: Document) -> None:
        start = await self._start_after(state)
        await self._refuse_beyond_the_head(start)
        self._lag.start(start)
        self._largest = await kafka.largest_record(self._bootstrap, self._topic)
        log.info("relay starts", service=self._service, after=start)
        async with (
            kafka.producer(self._bootstrap, f"{self._service}-relay") as producer,
            self._store.subscribe(start, own_types(self._service)) as events,
        ):
            queue: asyncio.Queue[StoredEvent] = asyncio.Queue(QUEUE)
            reading = asyncio.ensure_future(_fill(queue, events))
            try:
                while True:
                    window = await _window(queue, reading)
                    self._lag.publishing(window, queue.qsize())
                    await self._publish(producer, window)
                    self._lag.published(window[-1].position, queue.qsize())
            finally:
                await end(reading)

    async def _refuse_beyond_the_head(self, start: int | None) -> None:
        """A store restored to an earlier point gives positions out again: going on would leave out what is new."""
        if start and start > (head := await self._store.head(own_types(self._service))):
            raise StoreWentBack(f"published up to {start}, but the event store ends at {head}: was it restored?")

    async def _start_after(self, state: Document) -> int | None:
        """The stored position, or a lower one if a partition no longer ends with what was put there last."""
        self._tails = Tails(state)
        position = state.get("position")
        lost = await self._tails.lost(self._bootstrap, self._topic)
        if lost:
            log.warning("the broker lost records", service=self._service, partitions=len(lost), back_to=min(lost))
        return min([position, *lost]) or None if position is not None else None

    async def _publish(self, producer: AIOKafkaProducer, window: list[StoredEvent]) -> None:
        since = begun()
        leaving = [(event, record) for event in window if (record := self._record(event))]
        sending = send_all(producer, self._topic, [record for _, record in leaving])
        placed = await asyncio.wait_for(sending, _PATIENCE)
        self._tails.put((event, at) for (event, _), at in zip(leaving, placed, strict=True))
        passing(Point.AFTER_PUBLISH_BEFORE_CHECKPOINT)
        await self._lease.save({"position": window[-1].position, **self._tails.document()})
        metrics.RELAY_PUBLISHED.labels(self._service).inc(len(leaving))
        for (event, _), at in zip(leaving if since else (), placed, strict=False):
            where: dict[str, str | int] = {
                "messaging.destination.partition.id": str(at.partition),
                "messaging.kafka.offset": at.offset,
            }
            mark(event, f"send {self._topic}", SpanKind.PRODUCER, since, {**messaging("send", event), **where})

    def _record(self, event: StoredEvent) -> Record | None:
        """None for what stays inside, and for what no record can hold: too large, or without our metadata.

        The readers meet the latter when they close the gap it leaves in the revisions of its stream.
        """
        if event.type not in self._published:
            return None
        try:
            record = Record(event.stream.encode(), event.data, to_headers(event, f"/{self._service}"))
            kafka.check_size(*record, self._largest)
        except ValueError:
            about(event)
            log.exception("an event cannot be published", type=event.type)
            about(None)
            metrics.RELAY_PASSED_OVER.labels(self._service).inc()
            return None
        return record


async def _fill(queue: "asyncio.Queue[StoredEvent]", events: AsyncIterator[StoredEvent | None]) -> None:
    async for event in events:
        if event is not None:
            await queue.put(event)
    raise ConnectionError("the subscription ended")


async def _window(queue: "asyncio.Queue[StoredEvent]", reading: "asyncio.Future[None]") -> list[StoredEvent]:
    """What is waiting now, at least one event; the reader's error if it died."""
    getting = asyncio.ensure_future(queue.get())
    either: set[asyncio.Future[Any]] = {getting, reading}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        came = getting.done() or not getting.cancel()
    if not came:
        await reading
    window = [getting.result()]
    while not queue.empty() and len(window) < WINDOW:
        window.append(queue.get_nowait())
    return window
