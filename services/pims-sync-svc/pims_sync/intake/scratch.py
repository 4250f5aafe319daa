"""What an upload must remember of every row, in a scratch database that grows on disk and not in memory."""

import sqlite3
from collections.abc import Collection, Iterable

import orjson

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
        self._has_learnt = False

    def see(self, rows: Iterable[tuple[str, str]]) -> None:
        """Ids that the file has had, each with the digest of its row."""
        self._db.executemany("INSERT INTO seen VALUES (?, ?)", rows)

    def seen(self, ids: Collection[str]) -> dict[str, str]:
        """Those of `ids` that the file has had, with the digests of their rows."""
        sql = "SELECT id, digest FROM seen WHERE id IN (SELECT value FROM json_each(?))"
        return dict(self._db.execute(sql, (_list(ids),)))

    def learn(self, records: Iterable[tuple[str, str, bool]]) -> None:
        """Known records: stream, digest of the row they came from, whether this very run brought them."""
        self._has_learnt = True
        self._db.executemany("INSERT OR REPLACE INTO known VALUES (?, ?, ?)", records)

    def known(self, streams: Collection[str]) -> dict[str, tuple[str, bool]]:
        """Digest and whether this run brought it, of those records that were learnt."""
        if not self._has_learnt:
            return {}
        sql = "SELECT stream, digest, now FROM known WHERE stream IN (SELECT value FROM json_each(?))"
        found = self._db.execute(sql, (_list(streams),))
        return {stream: (digest, bool(now)) for stream, digest, now in found}

    def close(self) -> None:
        self._db.close()


def _list(values: Collection[str]) -> str:
    return orjson.dumps(list(values)).decode()
