"""What an upload must remember of every row, in a scratch database that grows on disk and not in memory."""

import sqlite3
from collections.abc import Iterable
from typing import Literal

_CACHE_KIB = 4096


class Scratch:
    """Of one upload: which ids its file has had, and which records were known before it.

    SQLite deletes the database when it is closed, and keeps a small one in memory.
    """

    def __init__(self) -> None:
        # An empty name is a temporary database. It is used by one task at a time, in the event loop's thread.
        self._db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIB}", "locking_mode=EXCLUSIVE"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, digest TEXT NOT NULL) WITHOUT ROWID")
        self._db.execute(
            "CREATE TABLE known (stream TEXT PRIMARY KEY, digest TEXT NOT NULL, now INTEGER) WITHOUT ROWID"
        )
        self._db.execute("BEGIN")

    def see(self, id_: str, digest: str) -> Literal["duplicate-id", "duplicate-row"] | None:
        """None the first time; afterwards whether the row of that id is the same one again."""
        if self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (id_, digest)).rowcount:
            return None
        first = self._db.execute("SELECT digest FROM seen WHERE id = ?", (id_,)).fetchone()
        return "duplicate-row" if first == (digest,) else "duplicate-id"

    def forget(self, id_: str) -> None:
        """The row was not taken: another one with its id may be."""
        self._db.execute("DELETE FROM seen WHERE id = ?", (id_,))

    def learn(self, records: Iterable[tuple[str, str, bool]]) -> None:
        """Known records: stream, digest of the row they came from, whether this very run brought them."""
        self._db.executemany("INSERT OR REPLACE INTO known VALUES (?, ?, ?)", records)

    def known(self, stream: str) -> tuple[str, bool] | None:
        """Digest and whether this run brought it, of a record that was learnt."""
        row = self._db.execute("SELECT digest, now FROM known WHERE stream = ?", (stream,)).fetchone()
        return None if row is None else (row[0], bool(row[1]))

    def close(self) -> None:
        self._db.close()
