"""The write side of the database: what the writer thread looks up and inserts.

Every step of a statement hands the interpreter lock over, so statements take as many rows as they can.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeVar

from deploy.embedded.eventstore.decision import NO_STREAM, StreamState
from deploy.embedded.eventstore.metadata import settings_of
from deploy.embedded.eventstore.storage import connect

T = TypeVar("T")

ROWS_PER_STATEMENT = 256
FEW_ROWS = 32
FIRST_POSITION = 256

EventRow = tuple[int, int, int, bytes, str, int, bytes, int]
"""position, stream_id, revision, event id, type, created (ticks), encoded `ReadResp`, its checksum."""

LAST_REVISION = "SELECT revision FROM events e WHERE e.stream_id = s.stream_id ORDER BY revision DESC LIMIT 1"


class Head(NamedTuple):
    """What the next append to a stream needs to know; `stream_id` is 0 before the stream has a row."""

    stream_id: int
    state: StreamState
    metadata: bytes | None


ABSENT = Head(0, StreamState(), None)


class Ledger:
    """Belongs to the writer thread."""

    def __init__(self, path: Path) -> None:
        self._db = connect(path)

    def close(self) -> None:
        self._db.close()

    def begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def last_position(self) -> int:
        row = self._db.execute("SELECT max(position) FROM events").fetchone()
        return int(row[0] or 0)

    def next_position(self) -> int:
        """Positions are log offsets: an event's record fills the room up to the next position."""
        sql = "SELECT position + length(record) FROM events ORDER BY position DESC LIMIT 1"
        row = self._db.execute(sql).fetchone()
        return int(row[0]) if row else FIRST_POSITION

    def next_stream_id(self) -> int:
        row = self._db.execute("SELECT max(stream_id) FROM streams").fetchone()
        return int(row[0] or 0) + 1

    def heads(self, names: Sequence[str]) -> Iterator[tuple[str, Head]]:
        """The heads of those streams that have a row."""
        for some in _slices(names):
            marks = ",".join("?" * len(some))
            sql = f"SELECT name, stream_id, metadata, ({LAST_REVISION}) FROM streams s WHERE name IN ({marks})"
            for name, stream_id, metadata, last in self._db.execute(sql, some).fetchall():
                yield name, head(name, stream_id, metadata, last)

    def revision_of(self, stream_id: int, event_id: bytes) -> int | None:
        sql = "SELECT max(revision) FROM events WHERE stream_id = ? AND id = ?"
        revision = self._db.execute(sql, (stream_id, event_id)).fetchone()[0]
        return None if revision is None else int(revision)

    def at(self, stream_id: int, revision: int) -> tuple[bytes, int] | None:
        """The event id and the position at a revision."""
        sql = "SELECT id, position FROM events WHERE stream_id = ? AND revision = ?"
        row: tuple[bytes, int] | None = self._db.execute(sql, (stream_id, revision)).fetchone()
        return row

    def insert_streams(self, rows: Sequence[tuple[int, str, bytes | None]]) -> None:
        """Insert new streams, and replace the metadata of those that are there."""
        for some in _slices(rows):
            marks = ",".join(["(?,?,?)"] * len(some))
            self._db.execute(
                f"INSERT INTO streams VALUES {marks} "
                "ON CONFLICT (stream_id) DO UPDATE SET metadata = excluded.metadata",
                tuple(chain.from_iterable(some)),
            )

    def insert_events(self, rows: Sequence[EventRow]) -> None:
        for some in _slices(rows):
            marks = ",".join(["(?,?,?,?,?,?,?,?)"] * len(some))
            self._db.execute(f"INSERT INTO events VALUES {marks}", tuple(chain.from_iterable(some)))


def head(name: str, stream_id: int, metadata: bytes | None, last: int | None) -> Head:
    state = StreamState(
        last=NO_STREAM if last is None else last,
        has_metadata=metadata is not None,
        settings=settings_of(name, metadata),
    )
    return Head(stream_id, state, metadata)


def _slices(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """A few at once, more in slices whose lengths are powers of two: so many statements stay prepared, and no more."""
    start = 0
    while start < len(items):
        left = len(items) - start
        size = left if left <= FEW_ROWS else min(ROWS_PER_STATEMENT, 1 << (left.bit_length() - 1))
        yield items[start : start + size]
        start += size
