"""All events of one category, oldest first within each stream, for folds that begin at the beginning (design 12).

Kafka when its topic provably holds everything, since it is read ten times faster; the event store otherwise.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import UUID

import structlog

from shared.chassis import kafka
from shared.chassis.documents import AnyProjection
from shared.chassis.event_store import EventStore
from shared.chassis.kafka import TopicPartition
from shared.chassis.logs import told
from shared.chassis.runtime import Runtime
from shared.events.base import Event
from shared.events.cloudevents import NotACloudEvent, from_record
from shared.events.envelope import StoredEvent
from shared.events.topics import events_topic
from shared.events.upcasters import UPCASTERS, newest
from shared.kernel.streams import category_of

Source = Literal["kafka", "store"]
Wanted = Callable[[str], bool]
BATCH = 2_000
"""Events of the store that are handed on together."""
log = structlog.get_logger(__name__)


class NotAllThere(Exception):
    """The topic was asked for, and does not hold all history; the text says why."""


class History(Protocol):
    """Its end is fixed when it is made; it may be read again and again. Raises infrastructure errors."""

    @property
    def source(self) -> Source:
        """Where it is read."""
        ...

    @property
    def total(self) -> int | None:
        """Records that one reading goes through, of all categories; None: not known."""
        ...

    def read(self, wanted: Wanted) -> AsyncIterator[tuple[int, list[StoredEvent]]]:
        """Batches: how many records were gone through, and the events among them whose stream is `wanted`."""
        ...


@dataclass(frozen=True)
class StoreHistory:
    """From the event store: complete by definition, decoded by its client at some thousands a second."""

    store: EventStore
    category: str
    types: str
    head: int
    source: Source = "store"
    total: int | None = None

    async def read(self, wanted: Wanted) -> AsyncIterator[tuple[int, list[StoredEvent]]]:
        """Events of the category up to the head. ConnectionError if the store stops before that."""
        batch: list[StoredEvent] = []
        read = 0
        async with self.store.subscribe(None, self.types) as events:
            async for event in events:
                if event is None or event.position > self.head:
                    break
                read += 1
                if category_of(event.stream) == self.category and wanted(event.stream):
                    batch.append(event)
                if read == BATCH:
                    yield read, batch
                    batch, read = [], 0
            else:
                raise ConnectionError("the subscription ended before its end was reached")
        yield read, batch


@dataclass(frozen=True)
class KafkaHistory:
    """From the topic, around Faust. Events come without metadata: a fold does not look at it.

    A record that is no event is left out, as the live worker does: it shows as a gap in its stream.
    """

    bootstrap: str
    category: str
    ends: dict[TopicPartition, int]
    source: Source = "kafka"

    @property
    def total(self) -> int | None:
        """What lies before the ends."""
        return sum(self.ends.values())

    async def read(self, wanted: Wanted) -> AsyncIterator[tuple[int, list[StoredEvent]]]:
        """Events of the category before the ends."""
        mine = f"{self.category}-".encode()
        async with aclosing(kafka.read_until(self.bootstrap, self.ends)) as batches:
            async for records in batches:
                ours = [r for r in records if r.key is not None and r.key.startswith(mine)]
                yield len(records), [e for r in ours if (e := _bare(r, wanted)) is not None]


def _bare(record: Any, wanted: Wanted) -> StoredEvent | None:
    """None for what is not wanted, and for what is no event. The key is the stream (design 9)."""
    headers = dict(record.headers)
    try:
        stream = record.key.decode()
        if not wanted(stream) or record.value is None:
            return None
        return StoredEvent(
            UUID(headers["ce_id"].decode()),
            headers["ce_type"].decode(),
            stream,
            int(headers["ce_streamrevision"]),
            int(headers["ce_commitposition"]),
            record.value,
            b"",
        )
    except (ValueError, KeyError, AttributeError):
        return None


async def history(running: Runtime, projection: AnyProjection, source: Source | None = None) -> History:
    """What is there now. `source` asks for one; NotAllThere if the topic is asked for and may lack something."""
    services = followed(projection)
    if source != "store":
        topics = [events_topic(service) for service in services]
        ends = await kafka.ends(running.settings.brokers, topics)
        lacking = await _lacking(running, projection, ends)
        if lacking is None:
            return KafkaHistory(running.settings.brokers, projection.category, ends)
        if source == "kafka":
            raise NotAllThere(lacking)
        log.info("history is read from the event store", view=projection.collection, why=lacking)
    types = "|".join(rf"{re.escape(service)}\..*" for service in services)
    return StoreHistory(running.store, projection.category, types, await running.store.head(types))


def followed(projection: AnyProjection) -> list[str]:
    """The services whose events the projection handles."""
    return sorted({name.partition(".")[0] for name in handled_names(projection)})


async def _lacking(running: Runtime, projection: AnyProjection, ends: dict[TopicPartition, int]) -> str | None:
    """Why the topics may not hold every event that the projection handles; None: they do.

    The relay publishes in the order of the store. So a topic whose records were never dropped, and whose first one is
    not younger than the first event that the projection handles, has all of them, but for what readers see as a gap.
    """
    if not any(ends.values()):
        return "the topic is empty"
    brokers, topics = running.settings.brokers, sorted({tp.topic for tp in ends})
    first, stored, *kept = await asyncio.gather(
        kafka.records_before(brokers, topics, {tp: 1 for tp, end in ends.items() if end}),
        _first_handled(running.store, projection),
        *(_kept(brokers, topic) for topic in topics),
    )
    if not all(kept):
        return f"the broker may drop records of {' or '.join(topics)}"
    if len(first) < sum(end > 0 for end in ends.values()):
        return "a partition's first records are gone"
    published = min(filter(None, map(_position, first.values())), default=None)
    if published is None or (stored is not None and stored < published):
        return "the first records are not the first events"
    return None


async def _kept(bootstrap: str, topic: str) -> bool:
    try:
        return await kafka.keeps_everything(bootstrap, topic)
    except kafka.INFRASTRUCTURE_ERRORS as error:
        log.warning("the broker does not tell its settings", topic=topic, error=told(error))
        return False


def _position(record: Any) -> int | None:
    try:
        return from_record(record.value, record.headers).position
    except NotACloudEvent:
        return None


async def _first_handled(store: EventStore, projection: AnyProjection) -> int | None:
    types = "|".join(re.escape(name) for name in handled_names(projection))
    async with store.subscribe(None, f"({types})$") as events:
        async for event in events:
            return None if event is None else event.position
    return None


def handled_names(projection: AnyProjection) -> list[str]:
    """With the older versions' names: an upcaster makes the newest of them."""
    names = {handled.type_name for handled in projection.handles if issubclass(handled, Event)}
    return sorted(names | {old for old in UPCASTERS if newest(old) in names})
