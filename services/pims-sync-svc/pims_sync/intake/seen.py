"""Which ids a file has had so far, in a scratch database that grows on disk and not in memory."""

import sqlite3
from typing import Literal

_CACHE_KIB = 4096


class Seen:
    """Of one upload. SQLite deletes the database when it is closed, and keeps small ones in memory."""

    def __init__(self) -> None:
        # An empty name is a temporary database. It is used by one task at a time, in the event loop's thread.
        self._db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIB}", "locking_mode=EXCLUSIVE"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, digest TEXT NOT NULL) WITHOUT ROWID")
        self._db.execute("BEGIN")

    def add(self, id_: str, digest: str) -> Literal["duplicate-id", "duplicate-row"] | None:
        """None the first time; afterwards whether the row of that id is the same one again."""
        if self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (id_, digest)).rowcount:
            return None
        first = self._db.execute("SELECT digest FROM seen WHERE id = ?", (id_,)).fetchone()
        return "duplicate-row" if first == (digest,) else "duplicate-id"

    def forget(self, id_: str) -> None:
        """The row was not taken: another one with its id may be."""
        self._db.execute("DELETE FROM seen WHERE id = ?", (id_,))

    def close(self) -> None:
        self._db.close()
