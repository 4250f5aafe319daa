"""Is everything there, and as it was written? Checks a whole database and tells the first position that is not.

An event's record names its position, stream, revision, id and type, and carries a checksum; a record fills the room
from its position up to the next one, so an event that is missing leaves a hole.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from google.protobuf.message import DecodeError

from deploy.embedded.eventstore.ledger import FIRST_POSITION
from deploy.embedded.eventstore.metadata import END_OF_STREAM, METADATA_PREFIX
from deploy.embedded.eventstore.storage import APPLICATION_ID, SCHEMA_VERSION, StorageError, checksum, number
from deploy.embedded.eventstore.wire import decode_event

EVENTS = """
SELECT position, stream_id, coalesce(name, ''), revision, id, type, created, record, checksum
FROM events LEFT JOIN streams USING (stream_id) ORDER BY position
"""
METADATA = f"""
SELECT s.name, s.metadata, e.position, e.record FROM streams s
LEFT JOIN streams m ON m.name = '{METADATA_PREFIX}' || s.name
LEFT JOIN events e ON e.stream_id = m.stream_id AND e.revision =
    (SELECT max(revision) FROM events WHERE stream_id = m.stream_id AND revision < {END_OF_STREAM})
"""


@dataclass(frozen=True, slots=True)
class Report:
    """`broken` is None if all is well; `position` is that of the first broken event, if the damage has one."""

    events: int
    last_position: int
    broken: str | None = None
    position: int | None = None

    def __str__(self) -> str:
        if self.broken is None:
            return f"sound: {self.events:,} events up to position {self.last_position}"
        where = "" if self.position is None else f" at position {self.position}"
        return f"broken{where}: {self.broken}"


class Stored(NamedTuple):
    position: int
    stream_id: int
    stream: str
    revision: int
    id: bytes
    type: str
    created: int
    record: bytes
    checksum: int | None


class Broken(Exception):
    """The first thing that is wrong; `verify` makes a report of it."""

    def __init__(self, text: str, position: int | None = None) -> None:
        super().__init__(text)
        self.position = position


@contextmanager
def opened(path: Path, at_rest: bool) -> Iterator[sqlite3.Connection]:
    """Open a database to read it as it is now; `at_rest` says that nobody writes to the file.

    Errors: StorageError if the file is not there or is no event store of this version.
    """
    if not path.is_file():
        raise StorageError(f"there is no {path}")
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if at_rest else ''}"
    try:
        database = sqlite3.connect(address, uri=True, isolation_level=None, timeout=30)
        try:
            if number(database, "application_id") != APPLICATION_ID:
                raise StorageError(f"{path} is not an event store")
            if number(database, "user_version") != SCHEMA_VERSION:
                raise StorageError(f"{path} is of another version of this server: start that, or start this one on it")
            yield database
        finally:
            database.close()
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{path} cannot be read: {error}") from error


def verify(database: sqlite3.Connection) -> Report:
    """Check every event, every stream and the structure of the file, as of the moment of the call."""
    progress = Progress()
    try:
        database.execute("BEGIN")
        progress.events(database)
        _metadata(database)
        _structure(database)
    except Broken as broken:
        return Report(progress.count, progress.last, str(broken), broken.position)
    except (sqlite3.DatabaseError, ValueError, TypeError) as error:
        return Report(progress.count, progress.last, f"cannot be read: {error}", progress.next)
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")
    return Report(progress.count, progress.last)


class Progress:
    """How far the events are sound. `next` is where the next one belongs."""

    def __init__(self) -> None:
        self.count = 0
        self.last = 0
        self.next = FIRST_POSITION
        self._revisions: dict[int, int] = {}

    def events(self, database: sqlite3.Connection) -> None:
        """Errors: Broken, sqlite3.DatabaseError."""
        for row in database.execute(EVENTS):
            event = Stored(*row)
            self._order(event)
            _content(event)
            self.count += 1
            self.last = event.position
            self.next = event.position + len(event.record)

    def _order(self, event: Stored) -> None:
        if event.position != self.next:
            raise Broken(f"no event begins here, the next one is at {event.position}", self.next)
        due = self._revisions.get(event.stream_id, -1) + 1
        if event.revision not in (due, END_OF_STREAM) or due > END_OF_STREAM:
            raise Broken(f"revision {event.revision} of stream {event.stream!r} where {due} is due", event.position)
        self._revisions[event.stream_id] = event.revision


def _content(event: Stored) -> None:
    if checksum(event.record) != event.checksum:
        raise Broken("the event does not have its checksum", event.position)
    try:
        told = decode_event(event.record)
    except DecodeError as error:
        raise Broken(f"the event cannot be read: {error}", event.position) from error
    # Not the other way round: a flipped bit may have made something else of the name than text.
    stream = told.stream_identifier.stream_name.decode(errors="replace")
    names = (told.commit_position, stream, told.stream_revision, UUID(told.id.string).bytes)
    if names != (event.position, event.stream, event.revision, event.id):
        raise Broken("the event is listed under a wrong stream, revision or id", event.position)
    if (told.metadata["type"], told.metadata["created"]) != (event.type, str(event.created)):
        raise Broken("the event is listed under a wrong type or time", event.position)


def _metadata(database: sqlite3.Connection) -> None:
    """What hides events from readers is what the stream's newest metadata event says."""
    for name, metadata, position, record in database.execute(METADATA):
        said = None if record is None else decode_event(record).data
        if metadata != said:
            raise Broken(f"stream {name!r} does not have the metadata that was written", position)


def _structure(database: sqlite3.Connection) -> None:
    problem = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if problem != "ok":
        raise Broken(str(problem))
