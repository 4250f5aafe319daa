"""Fakes in memory with the interfaces of the real ones, held to the same contract suites."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel

from shared.chassis.codec import Codec, Draft
from shared.chassis.cursors import Paging
from shared.chassis.event_store import NO_STREAM, Append, EventStore, check_size
from shared.chassis.views import Seen, Shown, Views
from shared.events.base import Event
from shared.events.envelope import Actor, Metadata, Recorded, StoredEvent
from shared.kernel.decider import Projection
from shared.kernel.errors import RevisionMismatch
from shared.kernel.streams import clinic_of, key_of
from shared.testing.clocks import NOON
from shared.testing.idempotency import MemoryIdempotencyStore

__all__ = ["NOON", "MemoryEventStore", "MemoryKeys", "MemoryViews", "memory_state"]


class MemoryKeys:
    """Data-subject keys that live as long as the test."""

    def __init__(self) -> None:
        self._keys: dict[str, AESGCM | None] = {}

    async def existing(self, subjects: Iterable[str]) -> dict[str, AESGCM]:
        return {s: key for s in subjects if (key := self._keys.get(s)) is not None}

    async def made(self, subjects: Iterable[str]) -> dict[str, AESGCM]:
        wanted = set(subjects)
        for subject in wanted - self._keys.keys():
            self._keys[subject] = AESGCM(AESGCM.generate_key(256))
        return await self.existing(wanted)

    async def erase(self, subject: str) -> None:
        self._keys[subject] = None

    def forget(self, subject: str) -> None:
        """Nothing is cached."""


class MemoryEventStore(EventStore):
    """Streams in a list, encoded and decoded as in production."""

    def __init__(self, keys: MemoryKeys | None = None) -> None:
        self.keys = keys or MemoryKeys()
        self.codec = Codec(self.keys)
        self.log: list[StoredEvent] = []

    async def connect(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def append(self, append: Append, timeout: float = 10.0) -> int:
        known = await self.read_stored(append.stream)
        at = known[-1].revision if known else NO_STREAM
        ids = [id_ for id_, _ in append.events]
        if append.expected < at and ids == [e.id for e in known[append.expected + 1 :][: len(ids)]]:
            return append.expected + len(ids)
        if append.expected != at:
            raise RevisionMismatch(append.stream, append.expected, at)
        payloads = await self.codec.encode([Draft(append.stream, id_, event) for id_, event in append.events])
        metadata = append.metadata.model_dump_json(exclude_none=True).encode()
        types = [event.type_name for _, event in append.events]
        check_size(append.stream, [(name, data, metadata) for name, data in zip(types, payloads, strict=True)])
        for (id_, event), payload in zip(append.events, payloads, strict=True):
            at += 1
            position = 10 * (len(self.log) + 1)
            self.log.append(StoredEvent(id_, event.type_name, append.stream, at, position, payload, metadata))
        return at

    async def append_many(self, appends: Sequence[Append], timeout: float = 30.0) -> list[int | RevisionMismatch]:
        return [await self._attempt(append) for append in appends]

    async def _attempt(self, append: Append) -> int | RevisionMismatch:
        try:
            return await self.append(append)
        except RevisionMismatch as mismatch:
            return mismatch

    async def read_stored(self, stream: str, first: int = 0, limit: int | None = None) -> list[StoredEvent]:
        found = [event for event in self.log if event.stream == stream and event.revision >= first]
        return found[:limit]

    async def last(self, stream: str) -> StoredEvent | None:
        return next((event for event in reversed(self.log) if event.stream == stream), None)

    async def scan(
        self, after: int = 0, types: str = "", streams: str = "", newest_first: bool = False
    ) -> AsyncGenerator[StoredEvent, None]:
        for event in self.log[:: -1 if newest_first else 1]:
            chosen = re.match(streams, event.stream) if streams else re.match(types, event.type)
            if chosen and event.position > after:
                yield event

    async def head(self, types: str) -> int:
        return self.log[-1].position if self.log else 0

    @asynccontextmanager
    async def subscribe(self, after: int | None, types: str) -> AsyncIterator[AsyncIterator[StoredEvent | None]]:
        async def events() -> AsyncIterator[StoredEvent | None]:
            for event in self.log:
                if event.position > (after or 0):
                    yield event
            yield None

        yield events()

    async def given(self, stream: str, *events: Event, command_id: UUID | None = None) -> None:
        """Append history as the system's, in the clinic that the stream's name says."""
        metadata = Metadata(
            clinic_id=clinic_of(stream),
            actor=Actor(kind="system", id="given"),
            command_id=command_id or uuid4(),
            correlation_id="given",
            recorded_at=NOON,
        )
        known = await self.read_stored(stream)
        await self.append(Append(stream, len(known) - 1, [(uuid4(), event) for event in events], metadata))

    async def recorded(self, stream: str | None = None) -> list[Recorded]:
        """What was appended, decoded: one stream or everything."""
        stored = [event for event in self.log if stream in (None, event.stream)]
        return [event for event in await self.codec.decode(stored) if isinstance(event, Recorded)]

    async def events(self, stream: str | None = None) -> list[Event]:
        """As `recorded`, the events only."""
        return [recorded.event for recorded in await self.recorded(stream)]


class MemoryViews(Views):
    """Every document is a fresh fold of its stream: a view that is always up to date."""

    def __init__(self, store: MemoryEventStore) -> None:
        self._store = store

    async def get(
        self, projection: Projection[Any, Any], clinic_id: str, local_id: str = "", after: Seen | None = None
    ) -> Shown[Any] | None:
        key = f"{clinic_id}.{local_id}" if local_id else clinic_id
        recorded = await self._store.recorded(f"{projection.category}-{key}")
        view = projection.fold(r.event for r in recorded)
        return None if view is None else Shown(key, view, recorded[-1].revision)

    async def list(
        self,
        projection: Projection[Any, Any],
        clinic_id: str,
        where: Mapping[str, Any] | None = None,
        paging: Paging | None = None,
        after: Seen | None = None,
    ) -> Sequence[Shown[Any]]:
        streams = {e.stream for e in self._store.log if e.stream.startswith(f"{projection.category}-")}
        keys = sorted(key_of(s) for s in streams if clinic_of(s) == clinic_id)
        found = [await self.get(projection, clinic_id, key.partition(".")[2]) for key in keys]
        rows = [shown for shown in found if shown is not None and _matches(shown.view, where or {})]
        if paging is None:
            return rows
        return [row for row in rows if paging.after is None or row.key > paging.after][: paging.read]

    async def count(
        self, projection: Projection[Any, Any], clinic_id: str, where: Mapping[str, Any] | None = None
    ) -> int:
        return len(await self.list(projection, clinic_id, where))

    async def wait(self, projection: Projection[Any, Any], clinic_id: str, after: Seen | None) -> None:
        """Always there."""


def _matches(view: BaseModel, where: Mapping[str, Any]) -> bool:
    """Equality as MongoDB has it: a list matches when it holds the value; `$in`, `$ne`, `$exists` are understood."""
    return all(_fits(view.model_dump().get(name), wanted) for name, wanted in where.items())


def _fits(value: Any, wanted: Any) -> bool:
    match wanted:
        case {"$in": options}:
            return any(_fits(value, option) for option in options)
        case {"$ne": other}:
            return not _fits(value, other)
        case _:
            return value == wanted or (isinstance(value, list | tuple) and wanted in value)


def memory_state(store: MemoryEventStore, keys: MemoryKeys | None = None, **more: Any) -> dict[str, Any]:
    """For `create_api(..., state=...)`: everything that routes ask for, in memory. `more` goes on the runtime."""
    running = SimpleNamespace(store=store, keys=keys or store.keys, **more)
    return {"runtime": running, "views": MemoryViews(store), "idempotency": MemoryIdempotencyStore()}
