"""The data directory and its SQLite file: lock, durability settings, schema, health check."""

import fcntl
import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

APPLICATION_ID = 0x56455453
SCHEMA_VERSION = 2
DATABASE = "events.db"
WAL_PAGES_BEFORE_CHECKPOINT = 1000
WAL_BYTES = 5 * 2**20
"""Enough for so many pages, and for the transaction that comes on top of them."""
PREPARED_STATEMENTS = 256

SCHEMA = """
CREATE TABLE streams (
    stream_id INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    metadata  BLOB
);
CREATE TABLE events (
    position  INTEGER PRIMARY KEY,
    stream_id INTEGER NOT NULL,
    revision  INTEGER NOT NULL,
    id        BLOB NOT NULL,
    type      TEXT NOT NULL,
    created   INTEGER NOT NULL,
    record    BLOB NOT NULL,
    checksum  INTEGER
);
CREATE UNIQUE INDEX events_by_revision ON events (stream_id, revision);
CREATE INDEX events_by_id ON events (stream_id, id);
"""


class StorageError(Exception):
    """The data cannot be used; the text says what to do about it."""


@contextmanager
def locked(directory: Path) -> Iterator[Path]:
    """Hold `directory` for this process alone and give the path of the database file in it.

    Errors: StorageError if another server has it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StorageError(f"another event store already uses {directory}") from error
        yield directory / DATABASE
    finally:
        os.close(descriptor)


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode; FULL makes every commit wait for the disk."""
    database = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=30, cached_statements=PREPARED_STATEMENTS
    )
    for setting in (
        "journal_mode = WAL",
        "synchronous = FULL",
        f"wal_autocheckpoint = {WAL_PAGES_BEFORE_CHECKPOINT}",
        "journal_size_limit = 67108864",
        "cache_size = -32768",
        "mmap_size = 268435456",
        "temp_store = MEMORY",
    ):
        database.execute(f"PRAGMA {setting}")
    return database


def reserve_log(path: Path) -> None:
    """Fill the open write-ahead log up to its usual size: a commit that lets it grow waits half as long again.

    The log is used from its beginning again and again. What stands behind its frames, SQLite does not read: a frame
    of zeros is none. A disk without room for it is no reason not to start.
    """
    with suppress(OSError), path.with_name(f"{path.name}-wal").open("r+b") as log:
        missing = WAL_BYTES - log.seek(0, os.SEEK_END)
        if missing > 0:
            log.write(bytes(missing))
            log.flush()
            os.fsync(log.fileno())


def checksum(record: bytes) -> int:
    """CRC-32 of an encoded event, which names its position, stream, revision, id and type as well."""
    return zlib.crc32(record)


def prepare(path: Path) -> None:
    """Create the schema, or check the file that is there and bring it up to date.

    Errors: StorageError if the file is damaged, of another program, or of a newer version.
    """
    try:
        database = connect(path)
        try:
            _check(database, path)
            version = number(database, "user_version")
            if version == 0:
                _create(database)
            elif version < SCHEMA_VERSION:
                _add_checksums(database)
        finally:
            database.close()
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{path} cannot be read: {error}") from error


def _create(database: sqlite3.Connection) -> None:
    database.executescript(
        f"BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    )


def _add_checksums(database: sqlite3.Connection) -> None:
    """Version 1 had none. All or nothing: a start that is interrupted here begins again at the next one."""
    database.create_function("checksum_of", 1, checksum, deterministic=True)
    database.executescript(
        "BEGIN IMMEDIATE; ALTER TABLE events ADD COLUMN checksum INTEGER;"
        f"UPDATE events SET checksum = checksum_of(record); PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    )


def _check(database: sqlite3.Connection, path: Path) -> None:
    version = number(database, "user_version")
    if version > SCHEMA_VERSION:
        raise StorageError(f"{path} was written by a newer version of this server")
    if version and number(database, "application_id") != APPLICATION_ID:
        raise StorageError(f"{path} is not an event store")
    problem = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise StorageError(f"{path} is damaged, restore it from a backup: {problem}")


def number(database: sqlite3.Connection, pragma: str) -> int:
    """The value of a setting that is a number."""
    return int(database.execute(f"PRAGMA {pragma}").fetchone()[0])
