"""Parked events, grouped by what went wrong: one broken handler parks thousands, and they are repaired together."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from pydantic import BaseModel

from ops.vetwire.installation import Installation
from ops.vetwire.served import Served
from shared.chassis.mongo import Document


@dataclass(frozen=True)
class ParkedStream:
    """A handler's parked events of one stream: the first is what failed, the others wait behind it."""

    service: Served
    handler: str
    stream: str
    rows: tuple[Document, ...]

    @property
    def head(self) -> Document:
        """The event that failed."""
        return self.rows[0]

    @property
    def fingerprint(self) -> str:
        """The same for the same service, handler, type of event and reason: ten hex digits."""
        told = (self.service.name, self.handler, self.head["type"], self.head["reason"])
        return sha256("\x1f".join(told).encode()).hexdigest()[:10]


class ParkedGroup(BaseModel):
    """`events` in `streams` are parked, `waiting` of them only stand behind one that failed."""

    fingerprint: str
    service: str
    handler: str
    type: str
    reason: str
    streams: int
    events: int
    waiting: int
    attempts: int
    first_at: datetime
    last_at: datetime


class ParkedEvent(BaseModel):
    """One parked event; `event_id` leads to it in the event store."""

    event_id: str
    stream: str
    revision: int
    position: int
    type: str
    reason: str
    attempts: int
    first_at: datetime
    last_at: datetime


async def parked_streams(at: Installation, services: Iterable[Served]) -> list[ParkedStream]:
    """Everything that is parked, by service, handler and stream."""
    return [found for service in services for found in await _of(at, service)]


async def _of(at: Installation, service: Served) -> list[ParkedStream]:
    found: dict[tuple[str, str], list[Document]] = defaultdict(list)
    async for row in at.database(service)["parked"].find({}).sort([("stream", 1), ("revision", 1)]):
        found[row["handler"], row["stream"]].append(row)
    return [ParkedStream(service, handler, stream, tuple(rows)) for (handler, stream), rows in sorted(found.items())]


def groups(parked: Iterable[ParkedStream]) -> list[ParkedGroup]:
    """Those with the most events first."""
    found: dict[str, list[ParkedStream]] = defaultdict(list)
    for each in parked:
        found[each.fingerprint].append(each)
    return sorted((_group(each) for each in found.values()), key=lambda group: -group.events)


def _group(parked: Sequence[ParkedStream]) -> ParkedGroup:
    heads = [each.head for each in parked]
    events = sum(len(each.rows) for each in parked)
    return ParkedGroup(
        fingerprint=parked[0].fingerprint,
        service=parked[0].service.name,
        handler=parked[0].handler,
        type=heads[0]["type"],
        reason=heads[0]["reason"],
        streams=len(parked),
        events=events,
        waiting=events - len(parked),
        attempts=max(head["attempts"] for head in heads),
        first_at=min(head["first_at"] for head in heads),
        last_at=max(row["last_at"] for each in parked for row in each.rows),
    )


def event_of(row: Document) -> ParkedEvent:
    """As it is shown."""
    fields = {name: row[name] for name in ParkedEvent.model_fields if name != "event_id"}
    return ParkedEvent(event_id=event_id_of(row), **fields)


def event_id_of(row: Document) -> str:
    """Rows are named `<handler>/<event id>`."""
    return str(row["_id"]).rpartition("/")[2]
