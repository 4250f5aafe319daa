"""Events to bytes and back: personal fields encrypted, old versions upcast, unknown types told apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.chassis.personal_data import MARK, Keys, decrypt, encrypt, is_sealed
from shared.events.base import REGISTRY, Event
from shared.events.envelope import Metadata, Recorded, StoredEvent
from shared.events.upcasters import UPCASTERS, upcast

_MARK_IN_JSON = f'"{MARK}"'.encode()
"""Most events have nothing sealed in them; looking for this in their bytes saves looking at each of their values."""


class Undecodable(Exception):
    """A stored event of a known type whose content is not what its type promises."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An event about to be appended to `stream`, with the id it will have."""

    stream: str
    id: UUID
    event: Event


class Codec:
    """Needs the events' modules to be imported, since the registry is filled by them."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def forget(self, subject: str) -> None:
        """Drop what is remembered of a key that was destroyed."""
        self._keys.forget(subject)

    async def living(self, subjects: set[str]) -> set[str]:
        """Those who were not erased."""
        return set(await self._keys.existing(subjects)) if subjects else set()

    async def encode(self, drafts: Sequence[Draft]) -> list[bytes]:
        """JSON of each event, personal fields sealed. A subject that was erased has its fields stored as null."""
        subjects = {s for d in drafts if (s := d.event.subject)}
        keys = await self._keys.made(subjects) if subjects else {}
        return [_encode(draft, keys) for draft in drafts]

    async def decode(self, stored: Sequence[StoredEvent]) -> list[Recorded | Undecodable | None]:
        """Each event read back, in order; None for a type this version does not know."""
        events = await self.events(stored)
        return [recorded_from(s, event) for s, event in zip(stored, events, strict=True)]

    async def events(self, stored: Sequence[StoredEvent]) -> list[Event | Undecodable | None]:
        """As `decode`, but the events alone: a fold needs no metadata, and reading it costs as much as the event."""
        parsed = {s.id: _parsed(s) for s in stored if _MARK_IN_JSON in s.data or s.type in UPCASTERS}
        subjects = {v[MARK] for p in parsed.values() if isinstance(p, dict) for v in p.values() if is_sealed(v)}
        keys = await self._keys.existing(subjects) if subjects else {}
        return [_decoded(s, parsed[s.id], keys) if s.id in parsed else _validated(s) for s in stored]


def _encode(draft: Draft, keys: dict[str, AESGCM]) -> bytes:
    event, subject = draft.event, draft.event.subject
    if subject is None:
        return event.__pydantic_serializer__.to_json(event)
    data = event.model_dump(mode="json")
    key = keys.get(subject)
    for field in event.personal_fields:
        if data[field] is not None:
            data[field] = key and encrypt(key, subject, _place(draft.stream, draft.id, field), data[field])
    return orjson.dumps(data)


def _place(stream: str, event_id: UUID, field: str) -> str:
    return f"{stream}|{event_id}|{field}"


def _parsed(stored: StoredEvent) -> dict[str, Any] | Undecodable:
    try:
        data = orjson.loads(stored.data)
    except orjson.JSONDecodeError as error:
        return Undecodable(f"{stored.type} {stored.id}: {error}")
    return data if isinstance(data, dict) else Undecodable(f"{stored.type} {stored.id}: not an object")


def _validated(stored: StoredEvent) -> Event | Undecodable | None:
    """The short way for most events: nothing to decrypt, nothing to upcast."""
    cls = REGISTRY.get(stored.type)
    try:
        return None if cls is None else cls.model_validate_json(stored.data)
    except Exception as error:
        # Validators are code of ours fed with history: whatever they raise is this event's fault.
        return Undecodable(f"{stored.type} {stored.id}: {type(error).__name__}")


def _decoded(
    stored: StoredEvent, data: dict[str, Any] | Undecodable, keys: dict[str, AESGCM]
) -> Event | Undecodable | None:
    if isinstance(data, Undecodable):
        return data
    try:
        type_name, newest = upcast(stored.type, _opened(stored, data, keys))
        cls = REGISTRY.get(type_name)
        return None if cls is None else cls.model_validate(newest)
    except Exception as error:
        # Upcasters and validators are code of ours fed with history: whatever they raise is this event's fault.
        return Undecodable(f"{stored.type} {stored.id}: {type(error).__name__}")


def recorded_from(stored: StoredEvent, event: Event | Undecodable | None) -> Recorded | Undecodable | None:
    """With its metadata. Undecodable if that is not ours; what is no event stays what it is."""
    if not isinstance(event, Event):
        return event
    try:
        metadata = Metadata.model_validate_json(stored.metadata)
    except ValueError as error:
        return Undecodable(f"{stored.type} {stored.id}: {type(error).__name__}")
    return Recorded(event, stored.id, stored.stream, stored.revision, stored.position, metadata)


def _opened(stored: StoredEvent, data: dict[str, Any], keys: dict[str, AESGCM]) -> dict[str, Any]:
    if _MARK_IN_JSON not in stored.data:
        return data
    return {
        name: decrypt(keys, _place(stored.stream, stored.id, name), value) if is_sealed(value) else value
        for name, value in data.items()
    }
