"""The events that rows feed to both sides (about 600 bytes, 12 fields, 3 of them nested), and the view of them."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from pydantic import BaseModel

from shared.events.base import Event, event_type
from shared.events.cloudevents import Headers, to_headers
from shared.events.envelope import Actor, Metadata, StoredEvent
from shared.events.topics import Topic, events_topic, parked_topic
from shared.kernel.decider import Projection
from shared.kernel.streams import key_of

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


class Weight(BaseModel):
    value: float
    unit: str
    taken_at: datetime


class Contact(BaseModel):
    name: str
    phone: str
    relation: str


class Noted(Event):
    clinic_id: str
    patient_id: str
    name: str
    species: str
    breed: str
    step: int
    weight: Weight
    owner: Contact
    second: Contact
    tags: tuple[str, ...]
    note: str
    observed_at: datetime


class Sheet(BaseModel):
    name: str
    species: str
    steps: int
    weight: Weight
    owner: Contact
    note: str
    observed_at: datetime


def evolve(sheet: Sheet | None, event: Noted) -> Sheet:
    """The newest of everything, and how many there were."""
    same = {name: getattr(event, name) for name in ("name", "species", "weight", "owner", "note", "observed_at")}
    return Sheet(steps=(sheet.steps if sheet else 0) + 1, **same)


@dataclass(frozen=True)
class Notebook:
    """Noted events of a service of their own, in streams of its name, so that no row reads what another one wrote."""

    service: str
    event: type[Noted]

    @property
    def topic(self) -> str:
        return events_topic(self.service)

    @property
    def topics(self) -> tuple[Topic, Topic]:
        return Topic(self.topic), Topic(parked_topic(self.service))

    @property
    def projection(self) -> Projection[Any, Sheet]:
        return Projection("sheets", self.service, (self.event,), Sheet, evolve)

    def stream(self, number: int | str) -> str:
        return f"{self.service}-elm.{number}"

    def noted(self, number: int | str, step: int) -> Noted:
        someone = Contact(name="Renate Holm", phone="+15035550147", relation="co-owner")
        return self.event(
            clinic_id="elm",
            patient_id=f"p{number}",
            name="Biscuit",
            species="canine",
            breed="Nova Scotia Duck Tolling Retriever",
            step=step,
            weight=Weight(value=18.4, unit="kg", taken_at=NOW),
            owner=someone,
            second=someone,
            tags=("nervous", "muzzle", "diabetic"),
            note="Eats well again; sutures out on Thursday, then no running for ten days.",
            observed_at=NOW,
        )

    def stored(self, number: int | str, step: int, position: int) -> StoredEvent:
        """As the event store would hand it to the relay."""
        data = self.noted(number, step).model_dump_json().encode()
        type_name, stream = self.event.type_name, self.stream(number)
        return StoredEvent(uuid4(), type_name, stream, step, position, data, metadata().model_dump_json().encode())


def notebook(service: str) -> Notebook:
    """Registers the event type of that service: once in a process."""
    made: type[Noted] = type("Noted", (Noted,), {})
    return Notebook(service, event_type(f"{service}.Noted.v1")(made))


def metadata() -> Metadata:
    """Of an append that nobody asked for."""
    who = Actor(kind="system", id="bench")
    return Metadata(clinic_id="elm", actor=who, command_id=uuid4(), correlation_id="bench", recorded_at=NOW)


def passes(
    book: Notebook, prefix: str, keys: int, length: int, together: int, revision: int = 0
) -> Iterator[StoredEvent]:
    """`keys` streams of `length` events each from `revision` on; groups of `together` take turns, step by step."""
    position = 1
    for first in range(0, keys, together):
        for step in range(revision, revision + length):
            for number in range(first, min(first + together, keys)):
                yield book.stored(f"{prefix}{number}", step, position)
                position += 1


Ready = Sequence[tuple[StoredEvent, Headers]]


def ready(events: Iterable[StoredEvent]) -> Ready:
    """With the headers that the relay would give them."""
    return [(event, to_headers(event, "/bench")) for event in events]


async def publish(producer: AIOKafkaProducer, topic: str, events: Ready) -> dict[str, int]:
    """Put the events on a topic; for each partition's last event its stream's key and revision."""
    sent = [
        await producer.send(topic, key=event.stream.encode(), value=event.data, headers=headers)
        for event, headers in events
    ]
    last = {at.partition: event for (event, _), at in zip(events, await asyncio.gather(*sent), strict=True)}
    return {key_of(event.stream): event.revision for event in last.values()}
