"""The read side of the database: pages of committed events, by position or by revision."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.eventstore.errors import StreamDeletedError
from deploy.embedded.eventstore.filters import Row
from deploy.embedded.eventstore.ledger import LAST_REVISION, head
from deploy.embedded.eventstore.metadata import END_OF_STREAM, described_stream, is_metadata_stream
from deploy.embedded.eventstore.storage import connect

PAGE_EVENTS = 256
PAGE_BYTES = 2**20
FIRST_PAGE_EVENTS = 32

STREAM_VIEW = f"SELECT stream_id, metadata, ({LAST_REVISION}) FROM streams s WHERE name = ?"
ALL_COLUMNS = "SELECT position, '', revision, type, record FROM events"
NAMED_COLUMNS = "SELECT position, name, revision, type, record FROM events JOIN streams USING (stream_id)"
STREAM_COLUMNS = "SELECT position, ?, revision, type, record FROM events WHERE stream_id = ? AND created >= ?"


@dataclass(frozen=True, slots=True)
class StreamView:
    """What readers see of a stream: revisions `first` to `last`, written at `oldest` ticks or later."""

    stream_id: int
    name: str
    first: int
    last: int
    oldest: int = 0


class PageSize:
    """As many rows as fit in about a megabyte, judged by the page before."""

    def __init__(self) -> None:
        self.rows = FIRST_PAGE_EVENTS

    def learn(self, page: Sequence[Row]) -> None:
        average = sum(len(row[4]) for row in page) // max(1, len(page)) + 1
        self.rows = max(1, min(PAGE_EVENTS, PAGE_BYTES // average))


class History:
    """Belongs to the event loop: pages are small, so that a long read does not hold up the others.

    No statement stays open between two pages; therefore reads never hold the write-ahead log back.
    """

    def __init__(self, path: Path) -> None:
        self._db = connect(path)

    def close(self) -> None:
        self._db.close()

    def stream(self, name: str) -> StreamView | None:
        """The visible part of a stream, or None if there is nothing to see.

        Errors: StreamDeletedError, for its metadata stream too.
        """
        if is_metadata_stream(name) and self._last(described_stream(name)) == END_OF_STREAM:
            raise StreamDeletedError(name)
        row = self._db.execute(STREAM_VIEW, (name,)).fetchone()
        if row is None:
            return None
        stream_id, state, _ = head(name, *row)
        if state.tombstoned:
            raise StreamDeletedError(name)
        first = state.settings.first_visible(state.last)
        oldest = state.settings.oldest_visible(time.time_ns() // 100)
        if first > state.last or (oldest and not self._any_since(stream_id, first, oldest)):
            return None
        return StreamView(stream_id, name, first, state.last, oldest)

    def all_page(self, start: int, backwards: bool, limit: int, named: bool) -> list[Row]:
        """Events from `start` on, inclusive; going back, those before it. `named` fills in streams."""
        columns = NAMED_COLUMNS if named else ALL_COLUMNS
        where = "position < ? ORDER BY position DESC" if backwards else "position >= ? ORDER BY position"
        return self._db.execute(f"{columns} WHERE {where} LIMIT ?", (start, limit)).fetchall()

    def stream_page(self, view: StreamView, start: int, backwards: bool, limit: int) -> list[Row]:
        """Events of a stream from revision `start` on, inclusive in both directions."""
        low, high = (view.first, start) if backwards else (max(start, view.first), view.last)
        order = "revision DESC" if backwards else "revision"
        sql = f"{STREAM_COLUMNS} AND revision BETWEEN ? AND ? ORDER BY {order} LIMIT ?"
        return self._db.execute(sql, (view.name, view.stream_id, view.oldest, low, high, limit)).fetchall()

    def event(self, stream: str, revision: int) -> bytes | None:
        """The encoded `ReadResp` of one event, for links to it."""
        sql = (
            "SELECT record FROM events JOIN streams USING (stream_id) WHERE name = ? AND revision = ? AND revision < ?"
        )
        row = self._db.execute(sql, (stream, revision, END_OF_STREAM)).fetchone()
        return None if row is None else bytes(row[0])

    def _last(self, name: str) -> int | None:
        row: tuple[int, bytes | None, int | None] | None
        row = self._db.execute(STREAM_VIEW, (name,)).fetchone()
        return None if row is None else row[2]

    def _any_since(self, stream_id: int, first: int, oldest: int) -> bool:
        sql = "SELECT 1 FROM events WHERE stream_id = ? AND revision >= ? AND created >= ? LIMIT 1"
        return self._db.execute(sql, (stream_id, first, oldest)).fetchone() is not None
