"""The append decision: may these events be written, were they written before, or is it a conflict?

Pure. Ids of proposed events are 16 bytes; revisions count from 0, and -1 stands for "no event yet".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from deploy.embedded.eventstore.metadata import END_OF_STREAM, NO_SETTINGS, StreamSettings

NO_STREAM: Final = -1
ANY: Final = -2
EXISTS: Final = -4
"""Expected states, in the numbers that error texts show; everything from 0 up is an exact revision."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """`last` is the newest revision, -1 before the first, 2^63-1 once tombstoned."""

    last: int = NO_STREAM
    has_metadata: bool = False
    settings: StreamSettings = NO_SETTINGS

    @property
    def tombstoned(self) -> bool:
        return self.last == END_OF_STREAM

    @property
    def soft_deleted(self) -> bool:
        return self.settings.soft_deleted


class StoredIds(Protocol):
    """What the decision may ask about the stream it is made for."""

    def revision_of(self, event_id: bytes) -> int | None:
        """The newest revision with this event id."""

    def id_at(self, revision: int) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Write: ...


@dataclass(frozen=True, slots=True)
class AlreadyWritten:
    """`revision` is where the last of the proposed events was stored the first time."""

    revision: int


@dataclass(frozen=True, slots=True)
class Mismatch: ...


@dataclass(frozen=True, slots=True)
class Deleted: ...


Decision = Write | AlreadyWritten | Mismatch | Deleted

WRITE: Final = Write()
MISMATCH: Final = Mismatch()
DELETED: Final = Deleted()


def decide_append(state: StreamState, expected: int, ids: Sequence[bytes], stored: StoredIds) -> Decision:
    """Decide an append of events with these ids. Order of the checks as in the protocol notes, 1.5."""
    if state.tombstoned:
        return DELETED
    if expected == EXISTS:
        if state.soft_deleted:
            return DELETED
        if state.last == NO_STREAM and not state.has_metadata:
            return MISMATCH
    if expected in (ANY, EXISTS):
        return _decide_unversioned(state, ids, stored)
    if expected > state.last:
        return MISMATCH
    if expected == state.last:
        return WRITE
    return _decide_behind(state, expected, ids, stored)


def decide_delete(state: StreamState, expected: int) -> Decision:
    """Decide a soft delete. A stream that never existed cannot be deleted, whatever was expected."""
    if state.tombstoned:
        return DELETED
    if state.last == NO_STREAM:
        return MISMATCH
    return decide_append(state, expected, (b"",), NOTHING_STORED)


def decide_tombstone(state: StreamState, expected: int) -> Decision:
    """Decide a tombstone; any state may be expected of a stream that never existed, except EXISTS."""
    return decide_append(state, expected, (b"",), NOTHING_STORED)


def _decide_unversioned(state: StreamState, ids: Sequence[bytes], stored: StoredIds) -> Decision:
    revision = state.last
    for index, event_id in enumerate(ids):
        found = None if state.last == NO_STREAM else stored.revision_of(event_id)
        if found is None:
            return MISMATCH if index else WRITE
        revision = found
    return AlreadyWritten(revision)


def _decide_behind(state: StreamState, expected: int, ids: Sequence[bytes], stored: StoredIds) -> Decision:
    for index, event_id in enumerate(ids):
        if stored.id_at(expected + 1 + index) != event_id:
            reopens = expected == NO_STREAM and state.soft_deleted
            return WRITE if index == 0 and reopens else MISMATCH
    return AlreadyWritten(expected + len(ids))


class _NothingStored:
    """A delete carries a fresh event id, which no stream holds."""

    def revision_of(self, event_id: bytes) -> int | None:
        return None

    def id_at(self, revision: int) -> bytes | None:
        return None


NOTHING_STORED: Final = _NothingStored()
