"""Looking into the event store: streams, events and what led to what.

The store has no index of ids: events are read newest first, since what an operator asks about has just happened.
"""

import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel

from ops.vetwire.installation import Installation
from ops.vetwire.progress import telling
from shared.chassis.personal_data import is_sealed
from shared.events.base import REGISTRY
from shared.events.envelope import Metadata, Recorded, StoredEvent

HIDDEN = "(hidden)"
BEFORE_THE_FIRST = timedelta(minutes=10)
"""So much longer is looked back for other commands of the same correlation: a caller may give one id to several."""
_TIMES_EVERY = 100


class EventShown(BaseModel):
    """An event as an operator sees it. `personal`: whether personal fields are hidden, shown, or there are none.

    A field that is shown and null belongs to a person who was erased.
    """

    id: str
    type: str
    stream: str
    revision: int
    position: int
    recorded_at: datetime | None
    actor: str | None
    correlation_id: str | None
    causation_id: str | None
    personal: str
    data: Any


class StreamShown(BaseModel):
    """A stream and its newest event."""

    stream: str
    events: int
    last_type: str
    last_position: int
    last_at: datetime | None


class Branch(BaseModel):
    """An event and what it led to."""

    event: EventShown
    led_to: list["Branch"]


async def shown(at: Installation, events: Iterable[StoredEvent], reveal: bool) -> list[EventShown]:
    """As they are stored, sealed fields hidden; or opened, in the newest version of their type."""
    stored = list(events)
    if not reveal:
        return [shown_hidden(event) for event in stored]
    decoded = await at.running.store.codec.decode(stored)
    return [_shown(raw, recorded) for raw, recorded in zip(stored, decoded, strict=True)]


def shown_hidden(stored: StoredEvent) -> EventShown:
    """As it is stored, sealed fields hidden."""
    return _shown(stored, None)


def _shown(stored: StoredEvent, opened: object) -> EventShown:
    data, personal = _hidden(stored)
    if isinstance(opened, Recorded):
        data = opened.event.model_dump(mode="json")
        personal = "shown" if opened.event.personal_fields else "none"
    metadata = metadata_of(stored)
    return EventShown(
        id=str(stored.id),
        type=stored.type,
        stream=stored.stream,
        revision=stored.revision,
        position=stored.position,
        recorded_at=metadata and metadata.recorded_at,
        actor=f"{metadata.actor.kind}/{metadata.actor.id}" if metadata else None,
        correlation_id=metadata and metadata.correlation_id,
        causation_id=metadata and metadata.causation_id,
        personal=personal,
        data=data,
    )


def _hidden(stored: StoredEvent) -> tuple[Any, str]:
    """Personal fields are sealed in every version of a type; what is not even JSON is hidden as a whole."""
    try:
        data = orjson.loads(stored.data)
    except orjson.JSONDecodeError:
        return HIDDEN, "hidden"
    if not isinstance(data, dict):
        return HIDDEN, "hidden"
    fields = {name: HIDDEN if is_sealed(value) else value for name, value in data.items()}
    known = REGISTRY.get(stored.type)
    personal = HIDDEN in fields.values() or bool(known and known.personal_fields)
    return fields, "hidden" if personal else "none"


def metadata_of(stored: StoredEvent) -> Metadata | None:
    """None for what something else wrote without our metadata."""
    try:
        return Metadata.model_validate_json(stored.metadata)
    except ValueError:
        return None


async def streams(at: Installation, prefix: str, limit: int, scan: int) -> tuple[list[StreamShown], bool]:
    """The streams whose names begin with `prefix`, newest last, and whether these are all of them."""
    found: dict[str, StoredEvent] = {}
    complete = True
    async with aclosing(_scanned(at, scan, streams=f"{re.escape(prefix)}.*" if prefix else "")) as events:
        async for event in events:
            if event is None or (event.stream not in found and len(found) == limit):
                complete = False
                break
            found[event.stream] = event
    return [_stream(event) for event in found.values()], complete


def _stream(newest: StoredEvent) -> StreamShown:
    metadata = metadata_of(newest)
    return StreamShown(
        stream=newest.stream,
        events=newest.revision + 1,
        last_type=newest.type,
        last_position=newest.position,
        last_at=metadata and metadata.recorded_at,
    )


@dataclass(frozen=True)
class Reach:
    """How far back to look: `scan` events at most, and none that was recorded before `since`."""

    scan: int
    since: datetime | None = None


async def event_by_id(at: Installation, event_id: UUID, reach: Reach) -> StoredEvent | None:
    """The event with that id; None if it is not within reach."""
    async with aclosing(_newest_first(at, reach)) as events:
        async for event in events:
            if event.id == event_id:
                return event
    return None


async def correlated(at: Installation, known_id: str, reach: Reach) -> list[StoredEvent]:
    """The events of a correlation id, or of that of the event with this id, oldest first."""
    found = await _of_correlation(at, known_id, reach)
    if found or (event_id := as_uuid(known_id)) is None:
        return found
    event = await event_by_id(at, event_id, reach)
    metadata = event and metadata_of(event)
    return await _of_correlation(at, metadata.correlation_id, reach) if metadata else []


def as_uuid(text: str) -> UUID | None:
    """None if it is not one."""
    try:
        return UUID(text)
    except ValueError:
        return None


async def _of_correlation(at: Installation, correlation_id: str, reach: Reach) -> list[StoredEvent]:
    """Ends a while before the first event without a cause: what one wish led to came after it."""
    needle = correlation_id.encode()
    found: list[StoredEvent] = []
    async with aclosing(_newest_first(at, reach)) as events:
        until: datetime | None = None
        async for event in events:
            metadata = metadata_of(event) if needle in event.metadata or until else None
            if metadata is None:
                continue
            if until and metadata.recorded_at < until:
                break
            if metadata.correlation_id == correlation_id:
                found.append(event)
                until = None if metadata.causation_id else metadata.recorded_at - BEFORE_THE_FIRST
    return found[::-1]


async def _newest_first(at: Installation, reach: Reach) -> AsyncGenerator[StoredEvent, None]:
    """Every event within reach. Times are looked at now and then only: reading them costs more than skipping."""
    seen, newest = 0, 0
    with telling("event store") as progress:
        async with aclosing(at.running.store.scan(newest_first=True)) as events:
            async for event in events:
                newest = newest or event.position
                if seen == reach.scan or (seen % _TIMES_EVERY == 0 and _is_before(event, reach.since)):
                    return
                seen += 1
                progress.tell("events", seen, 1 - event.position / newest)
                yield event


def _is_before(event: StoredEvent, since: datetime | None) -> bool:
    metadata = metadata_of(event) if since else None
    return bool(since and metadata and metadata.recorded_at < since)


async def _scanned(at: Installation, scan: int, streams: str) -> AsyncGenerator[StoredEvent | None, None]:
    """Events of streams with such a name, oldest first, and None if there are more than `scan`."""
    seen = 0
    with telling("event store") as progress:
        async with aclosing(at.running.store.scan(streams=streams)) as events:
            async for event in events:
                if seen == scan:
                    yield None
                    return
                seen += 1
                progress.tell("events", seen)
                yield event


def tree(events: Iterable[EventShown]) -> list[Branch]:
    """What led to what: an event hangs under the one that it names as its cause; the others are roots."""
    listed = list(events)
    known = {event.id for event in listed}
    children: dict[str | None, list[EventShown]] = defaultdict(list)
    for event in listed:
        children[event.causation_id if event.causation_id in known else None].append(event)

    def branch(event: EventShown) -> Branch:
        return Branch(event=event, led_to=[branch(child) for child in children[event.id]])

    return [branch(event) for event in children[None]]
