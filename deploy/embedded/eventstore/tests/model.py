"""What an event store is, in the simplest words: lists in memory. Written from the protocol notes, not from the server.

Revisions count from 0. An expected state is a revision, or NO_STREAM, ANY, EXISTS. Events that the server makes itself
(metadata of a delete) have an id that nobody knows: None.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

NO_STREAM, ANY, EXISTS = "no stream", "any", "exists"
Expected = int | str

DELETED_BEFORE = 2**63 - 1


class Refusal(Exception):
    """The store does not do it; the name of the subclass is the reason."""


class Conflict(Refusal):
    """Another state was expected."""


class Missing(Refusal):
    """There is no such stream."""


class Gone(Refusal):
    """The stream is deleted."""


@dataclass(frozen=True)
class Event:
    stream: str
    revision: int
    id: UUID | None
    type: str
    data: bytes


@dataclass
class Stream:
    events: list[Event] = field(default_factory=list)
    tombstoned: bool = False

    @property
    def last(self) -> int:
        return len(self.events) - 1


class Model:
    """`all` is every event in the order written; a tombstone is one too, and the first is a system event."""

    def __init__(self) -> None:
        self.all: list[Event] = []
        self._streams: dict[str, Stream] = {}
        self._set_metadata("$settings", {})

    def append(self, name: str, expected: Expected, events: Sequence[tuple[UUID, str, bytes]]) -> Event:
        """Give the event that stands for the append: the last one, as it was stored the first time. Errors: Refusal."""
        stream = self._open(name)
        deleted = self._soft_deleted(name)
        if expected == EXISTS and deleted:
            raise Gone
        if expected == EXISTS and not stream.events and not self._open(f"$${name}").events:
            raise Conflict
        ids = [event[0] for event in events]
        if (repeated := self._repeated(stream, expected, ids, deleted)) is not None:
            return repeated
        for event_id, type_, data in events:
            self._write(name, event_id, type_, data)
        written = stream.events[-1]
        if deleted:
            self._set_metadata(name, {**self.metadata(name), "$tb": stream.last - len(events) + 1})
        return written

    def set_metadata(self, name: str, metadata: dict[str, int], expected: Expected = ANY) -> None:
        """Bring a soft-deleted stream back, too. Errors: Refusal."""
        comes_back = self._soft_deleted(name)
        stream = self._open(f"$${name}")
        if isinstance(expected, int) and expected != stream.last:
            raise Conflict
        self._set_metadata(name, metadata)
        if comes_back and metadata.get("$tb") != DELETED_BEFORE and not self._stream(name).tombstoned:
            self._set_metadata(name, {**metadata, "$tb": self._stream(name).last + 1})

    def delete(self, name: str, expected: Expected) -> None:
        """Errors: Refusal."""
        stream = self._open(name)
        if not stream.events:
            raise Missing
        self._as_expected(name, expected)
        self._set_metadata(name, {"$tb": DELETED_BEFORE})

    def tombstone(self, name: str, expected: Expected) -> None:
        """Errors: Refusal."""
        stream = self._open(name)
        described = bool(self._stream(f"$${name}").events)
        if not stream.events and expected not in (ANY, NO_STREAM) and not (expected == EXISTS and described):
            raise Missing
        self._as_expected(name, expected)
        stream.tombstoned = True
        self.all.append(Event(name, DELETED_BEFORE, None, "$streamDeleted", b""))

    def read(self, name: str) -> list[Event]:
        """What a reader sees, oldest first. Errors: Gone, Missing."""
        stream = self._open(name)
        metadata = self.metadata(name)
        first = metadata.get("$tb", 0)
        if "$maxCount" in metadata:
            first = max(first, stream.last + 1 - metadata["$maxCount"])
        if first > stream.last:
            raise Missing
        return stream.events[first:]

    def read_metadata(self, name: str) -> dict[str, int]:
        """Errors: Gone."""
        self._open(name)
        return self.metadata(name)

    def metadata(self, name: str) -> dict[str, int]:
        described = self._stream(f"$${name}").events
        return dict(json.loads(described[-1].data)) if described else {}

    def last(self, name: str) -> int:
        """The revision of the newest event, visible or not; -1 before the first."""
        return self._stream(name).last

    def _stream(self, name: str) -> Stream:
        return self._streams.setdefault(name, Stream())

    def _open(self, name: str) -> Stream:
        """Errors: Gone for a tombstone."""
        if self._stream(name).tombstoned:
            raise Gone
        return self._stream(name)

    def _soft_deleted(self, name: str) -> bool:
        return self.metadata(name).get("$tb") == DELETED_BEFORE

    def _as_expected(self, name: str, expected: Expected) -> None:
        """For deletes, whose event nobody can have sent before."""
        last, deleted = self._stream(name).last, self._soft_deleted(name)
        if expected == EXISTS and deleted:
            raise Gone
        if expected not in (ANY, EXISTS) and _number(expected) != last and not (expected == NO_STREAM and deleted):
            raise Conflict

    def _repeated(self, stream: Stream, expected: Expected, ids: list[UUID], deleted: bool) -> Event | None:
        """The last event of an append that is there already, None if it is new. Errors: Conflict."""
        if expected in (ANY, EXISTS):
            found = [next((e for e in reversed(stream.events) if e.id == event_id), None) for event_id in ids]
        else:
            number = _number(expected)
            if number > stream.last:
                raise Conflict
            if number == stream.last:
                return None
            there = stream.events[number + 1 : number + 1 + len(ids)]
            found = [e if e.id == i else None for e, i in zip(there, ids, strict=False)]
            found += [None] * (len(ids) - len(found))
            if found[0] is None and not (expected == NO_STREAM and deleted):
                raise Conflict
        if found[0] is None:
            return None
        if None in found:
            raise Conflict
        return found[-1]

    def _set_metadata(self, name: str, metadata: dict[str, int]) -> None:
        self._write(f"$${name}", None, "$metadata", json.dumps(metadata).encode())

    def _write(self, name: str, event_id: UUID | None, type_: str, data: bytes) -> None:
        stream = self._stream(name)
        event = Event(name, len(stream.events), event_id, type_, data)
        stream.events.append(event)
        self.all.append(event)


def _number(expected: Expected) -> int:
    return expected if isinstance(expected, int) else -1
