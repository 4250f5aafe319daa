import shutil
import sqlite3
from pathlib import Path

import pytest

from deploy.embedded.eventstore.storage import WAL_BYTES, StorageError, connect, locked, prepare, reserve_log


def test_a_directory_serves_one_server_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(StorageError, match="another event store"), locked(tmp_path):
        raise AssertionError("the second lock was granted")
    with locked(tmp_path) as database:
        assert database.parent == tmp_path


def test_every_commit_waits_for_the_disk(tmp_path: Path) -> None:
    database = connect(tmp_path / "events.db")
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    database.close()


def test_preparing_twice_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    prepare(path)
    database = connect(path)
    database.execute("INSERT INTO streams VALUES (1, 's', NULL)")
    database.close()
    prepare(path)
    database = connect(path)
    assert database.execute("SELECT name FROM streams ORDER BY stream_id").fetchall() == [("s",)]
    database.close()


def test_a_damaged_file_is_not_served(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    prepare(path)
    database = connect(path)
    database.execute("BEGIN")
    database.executemany("INSERT INTO streams VALUES (?, ?, NULL)", [(n, f"stream-{n}") for n in range(1, 2000)])
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    content = bytearray(path.read_bytes())
    content[3 * 4096 :] = b"\xa5" * (len(content) - 3 * 4096)
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"damaged|cannot be read"):
        prepare(path)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StorageError, match="cannot be read"):
        prepare(path)


@pytest.mark.parametrize(
    ("pragma", "complaint"), [("user_version = 99", "newer version"), ("user_version = 1", "not an event store")]
)
def test_another_programs_file_is_refused(tmp_path: Path, pragma: str, complaint: str) -> None:
    path = tmp_path / "events.db"
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA {pragma}")
    database.close()
    with pytest.raises(StorageError, match=complaint):
        prepare(path)


def test_a_log_of_full_size_holds_what_was_committed_and_nothing_else(tmp_path: Path) -> None:
    path, copy = tmp_path / "events.db", tmp_path / "copy.db"
    prepare(path)
    database = connect(path)
    database.execute("INSERT INTO streams VALUES (1, 'before', NULL)")
    reserve_log(path)
    database.execute("INSERT INTO streams VALUES (2, 'after', NULL)")
    assert path.with_name("events.db-wal").stat().st_size == WAL_BYTES
    # As after a kill: the files as they are, read by somebody who knows nothing of them.
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    reader = connect(copy)
    assert reader.execute("SELECT name FROM streams ORDER BY stream_id").fetchall() == [("before",), ("after",)]
    reader.close()
    database.close()


def test_a_log_reserved_before_the_first_commit_is_an_empty_one(tmp_path: Path) -> None:
    path, copy = tmp_path / "events.db", tmp_path / "copy.db"
    prepare(path)
    database = connect(path)
    database.execute("SELECT count(*) FROM streams").fetchone()
    reserve_log(path)
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    reader = connect(copy)
    assert reader.execute("SELECT count(*) FROM streams").fetchone() == (0,)
    reader.close()
    database.close()
