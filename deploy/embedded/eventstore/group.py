"""One transaction in the making: many requests decided one after the other, written together."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from uuid import uuid4

from deploy.embedded.eventstore import decision, metadata
from deploy.embedded.eventstore.decision import StreamState
from deploy.embedded.eventstore.filters import Row
from deploy.embedded.eventstore.ledger import ABSENT, EventRow, Head, Ledger
from deploy.embedded.eventstore.storage import checksum
from deploy.embedded.eventstore.wire import BINARY, JSON, Proposed, encode_event

TOMBSTONE_TYPE = "$streamDeleted"


class Kind(Enum):
    APPEND = "append"
    DELETE = "delete"
    TOMBSTONE = "tombstone"


@dataclass(frozen=True, slots=True)
class Written:
    """`revision` is that of the stream after the write, -1 if it is still empty."""

    revision: int
    position: int


@dataclass(frozen=True, slots=True)
class WrongVersion:
    """`actual` is -1 when the stream does not exist."""

    actual: int


@dataclass(frozen=True, slots=True)
class StreamGone: ...


@dataclass(frozen=True, slots=True)
class TimedOut: ...


@dataclass(frozen=True, slots=True)
class Failed:
    """The storage refused; whether anything was written is not known."""

    reason: str


Outcome = Written | WrongVersion | StreamGone | TimedOut | Failed

STREAM_GONE = StreamGone()
TIMED_OUT = TimedOut()


def ignore(_: Outcome) -> None:
    """The answer goes nowhere."""


@dataclass(slots=True, eq=False)
class Work:
    """One request to write. `done` is called on the event loop, once, after the commit.

    `deadline` is on the monotonic clock, in seconds; later than that nothing is written.
    """

    stream: str
    expected: int
    done: Callable[[Outcome], None] = ignore
    kind: Kind = Kind.APPEND
    events: Sequence[Proposed] = ()
    size: int = 0
    deadline: float = float("inf")


@dataclass(frozen=True, slots=True)
class Counters:
    """Where the next transaction goes on."""

    position: int
    stream_id: int
    last_position: int


class Group:
    """Decides in memory and keeps the rows; nothing reaches the database before `save`."""

    def __init__(self, ledger: Ledger, heads: Mapping[str, Head], counters: Counters) -> None:
        self.heads: dict[str, Head] = {}
        self.rows: list[Row] = []
        self._ledger = ledger
        self._known = heads
        self._position = counters.position
        self._stream_id = counters.stream_id
        self._last_position = counters.last_position
        self._created = time.time_ns() // 100
        self._created_text = str(self._created)
        self._events: list[EventRow] = []
        self._streams: dict[int, tuple[int, str, bytes | None]] = {}
        self._by_id: dict[tuple[int, bytes], int] = {}
        self._by_revision: dict[tuple[int, int], EventRow] = {}

    @property
    def counters(self) -> Counters:
        return Counters(self._position, self._stream_id, self._last_position)

    def save(self) -> None:
        """Errors: sqlite3.Error; the caller rolls back and drops this group."""
        self._ledger.insert_streams(list(self._streams.values()))
        self._ledger.insert_events(self._events)

    def load(self, works: Sequence[Work]) -> None:
        """Fetch the heads these requests need in one go."""
        names = {work.stream for work in works}
        names |= {metadata.described_stream(n) for n in names if metadata.is_metadata_stream(n)}
        missing = [name for name in names if name not in self._known]
        self.heads.update(dict.fromkeys(missing, ABSENT))
        self.heads.update(self._ledger.heads(missing))

    def apply(self, work: Work) -> Outcome:
        if work.deadline <= time.monotonic():
            return TIMED_OUT
        match work.kind:
            case Kind.APPEND:
                return self._append(work)
            case Kind.DELETE:
                return self._delete(work)
            case Kind.TOMBSTONE:
                return self._tombstone(work)

    def _append(self, work: Work) -> Outcome:
        head = self._head(work.stream)
        ids = [event.id for event in work.events]
        match decision.decide_append(head.state, work.expected, ids, _Stored(self, head.stream_id)):
            case decision.Write() if work.events:
                return self._write_append(work, head)
            case decision.Write():
                return self._unchanged(head, head.state.last)
            case decision.AlreadyWritten(revision):
                return self._unchanged(head, revision)
            case refused:
                return _refusal(refused, head)

    def _write_append(self, work: Work, head: Head) -> Written:
        written = self._write(work.stream, work.events)
        if head.state.soft_deleted:
            self._undelete(work.stream, head.metadata, head.state.last + 1)
        if metadata.is_metadata_stream(work.stream):
            self._describe(metadata.described_stream(work.stream), work.events[-1].data)
        return written

    def _delete(self, work: Work) -> Outcome:
        head = self._head(work.stream)
        decided = decision.decide_delete(head.state, work.expected)
        if not isinstance(decided, decision.Write):
            return _refusal(decided, head)
        return self._write_metadata(work.stream, metadata.soft_deleted_metadata())

    def _tombstone(self, work: Work) -> Outcome:
        head = self._head(work.stream)
        decided = decision.decide_tombstone(head.state, work.expected)
        if not isinstance(decided, decision.Write):
            return _refusal(decided, head)
        event = server_event(TOMBSTONE_TYPE, BINARY, b"")
        return self._write(work.stream, [event], metadata.END_OF_STREAM)

    def _unchanged(self, head: Head, revision: int) -> Written:
        if revision == decision.NO_STREAM:
            return Written(revision, self._last_position)
        row = self.at(head.stream_id, revision)
        return Written(revision, self._last_position if row is None else row[1])

    def _describe(self, stream: str, raw: bytes) -> None:
        """Let the new metadata of a stream take effect; it brings a soft-deleted stream back."""
        head = self._head(stream)
        comes_back = head.state.soft_deleted and not metadata.parse_settings(raw).soft_deleted
        if comes_back and not head.state.tombstoned:
            self._undelete(stream, raw, head.state.last + 1)
        else:
            self._set_metadata(stream, raw)

    def _undelete(self, stream: str, raw: bytes | None, first_revision: int) -> None:
        self._write_metadata(stream, metadata.undeleted_metadata(raw, first_revision))

    def _write_metadata(self, stream: str, raw: bytes) -> Written:
        event = server_event(metadata.METADATA_TYPE, JSON, raw)
        written = self._write(metadata.metadata_stream(stream), [event])
        self._set_metadata(stream, raw)
        return written

    def _set_metadata(self, stream: str, raw: bytes) -> None:
        head = self._created_head(stream)
        state = StreamState(head.state.last, True, metadata.settings_of(stream, raw))
        self.heads[stream] = Head(head.stream_id, state, raw)
        self._streams[head.stream_id] = (head.stream_id, stream, raw)

    def _write(self, stream: str, events: Sequence[Proposed], revision: int | None = None) -> Written:
        """Add events at the end of the stream, or one event at the given revision."""
        stream_id, state, raw = self._created_head(stream)
        next_revision = state.last + 1 if revision is None else revision
        name = stream.encode()
        for number, event in enumerate(events, next_revision):
            self._add(stream, name, stream_id, number, event)
        last = next_revision + len(events) - 1
        self.heads[stream] = Head(stream_id, StreamState(last, state.has_metadata, state.settings), raw)
        return Written(last, self._last_position)

    def _add(self, stream: str, name: bytes, stream_id: int, revision: int, event: Proposed) -> None:
        position = self._position
        record = encode_event(name, revision, position, self._created_text, event)
        row = (position, stream_id, revision, event.id, event.type, self._created, record, checksum(record))
        self._events.append(row)
        self.rows.append((position, stream, revision, event.type, record))
        self._by_id[stream_id, event.id] = revision
        self._by_revision[stream_id, revision] = row
        self._last_position = position
        self._position = position + len(record)

    def _head(self, stream: str) -> Head:
        head = self.heads.get(stream) or self._known.get(stream)
        if head is None:
            head = self.heads[stream] = dict(self._ledger.heads([stream])).get(stream, ABSENT)
        return head

    def _created_head(self, stream: str) -> Head:
        head = self._head(stream)
        if head.stream_id:
            return head
        created = Head(self._stream_id, head.state, head.metadata)
        self._stream_id += 1
        self._streams[created.stream_id] = (created.stream_id, stream, None)
        self.heads[stream] = created
        return created

    def revision_of(self, stream_id: int, event_id: bytes) -> int | None:
        written_here = self._by_id.get((stream_id, event_id))
        return self._ledger.revision_of(stream_id, event_id) if written_here is None else written_here

    def at(self, stream_id: int, revision: int) -> tuple[bytes, int] | None:
        written_here = self._by_revision.get((stream_id, revision))
        if written_here is None:
            return self._ledger.at(stream_id, revision)
        return written_here[3], written_here[0]


@dataclass(frozen=True, slots=True)
class _Stored:
    """The events of one stream, those of this group included."""

    group: Group
    stream_id: int

    def revision_of(self, event_id: bytes) -> int | None:
        return self.group.revision_of(self.stream_id, event_id)

    def id_at(self, revision: int) -> bytes | None:
        found = self.group.at(self.stream_id, revision)
        return None if found is None else found[0]


def _refusal(refused: decision.Decision, head: Head) -> Outcome:
    return STREAM_GONE if isinstance(refused, decision.Deleted) else WrongVersion(head.state.last)


def server_event(type_: str, content_type: str, data: bytes) -> Proposed:
    event_id = uuid4()
    return Proposed(event_id.bytes, str(event_id), type_, content_type, b"", data)
