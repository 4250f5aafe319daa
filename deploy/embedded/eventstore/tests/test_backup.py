"""Back up under load, lose everything, restore: and what `verify` finds in a copy that is not what was written."""

import random
import signal
import sqlite3
from pathlib import Path
from time import sleep
from uuid import UUID

import pytest

from deploy.embedded.eventstore import backup, restore, verify
from deploy.embedded.eventstore.decision import ANY
from deploy.embedded.eventstore.group import Counters, Group, Kind, Work
from deploy.embedded.eventstore.ledger import Ledger
from deploy.embedded.eventstore.storage import DATABASE, StorageError, connect, locked, prepare
from deploy.embedded.eventstore.tests.load import History, check_order, load, stored_events
from deploy.embedded.eventstore.tests.running import running
from deploy.embedded.eventstore.wire import JSON, Proposed

FLIPS = 60


def fill(directory: Path, streams: int = 8, events: int = 12) -> Path:
    """A data directory with some streams, metadata, a soft delete and a tombstone; gives its database."""
    directory.mkdir(exist_ok=True)
    path = directory / DATABASE
    prepare(path)
    ledger = Ledger(path)
    group = Group(ledger, {}, Counters(ledger.next_position(), ledger.next_stream_id(), ledger.last_position()))
    numbers = iter(range(1, 10_000))
    for stream in range(streams):
        proposed = [event(next(numbers)) for _ in range(events)]
        group.apply(Work(f"patient-{stream}", ANY, events=proposed))
    group.apply(Work("$$patient-1", ANY, events=[event(next(numbers), b'{"$maxCount": 5}')]))
    group.apply(Work("patient-2", ANY, kind=Kind.DELETE))
    group.apply(Work("patient-3", ANY, kind=Kind.TOMBSTONE))
    ledger.begin()
    group.save()
    ledger.commit()
    ledger.close()
    return path


def event(number: int, data: bytes = b"") -> Proposed:
    event_id = UUID(int=number)
    return Proposed(event_id.bytes, str(event_id), "Happened", JSON, b"", data or b'{"number": "%05d"}' % number)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    fill(tmp_path / "data")
    out = tmp_path / "copy.db"
    assert backup.back_up(tmp_path / "data", out).broken is None
    return out


def flip(file: Path, offset: int, bit: int = 0) -> None:
    content = bytearray(file.read_bytes())
    content[offset] ^= 1 << bit
    file.write_bytes(content)


def change(file: Path, statement: str) -> None:
    database = sqlite3.connect(file)
    with database:
        database.execute(statement)
    database.close()


def content(file: Path) -> list[tuple[object, ...]]:
    database = sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)
    try:
        tables = ("SELECT * FROM events ORDER BY position", "SELECT * FROM streams ORDER BY stream_id")
        return [row for table in tables for row in database.execute(table)]
    finally:
        database.close()


@pytest.mark.servers
@pytest.mark.chaos
def test_drill_everything_acknowledged_before_the_backup_is_there_after_the_restore(tmp_path: Path) -> None:
    data, out, fresh = tmp_path / "data", tmp_path / "copy.db", tmp_path / "fresh"
    history = History()
    with running(data) as server, load(server, history, 0):
        sleep(0.6)
        acknowledged = set(history.acknowledged)
        assert backup.main(["--data", str(data), "--out", str(out)]) == 0
        during = len(history.acknowledged) - len(acknowledged)
        server.signal(signal.SIGKILL)
    assert acknowledged
    assert during, "appends stood still while the backup was made"
    assert restore.main(["--backup", str(out), "--data", str(fresh)]) == 0
    assert verify.main(["--data", str(fresh)]) == 0
    events = stored_events(fresh)
    assert acknowledged <= {found.id for found in events} <= history.sent
    check_order(events)


@pytest.mark.servers
def test_a_running_server_can_be_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path)
    with running(tmp_path):
        assert verify.main(["--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("sound: 99 events")


def test_a_flipped_bit_in_an_event_is_found_at_its_position(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    position = next(row[0] for row in content(copy) if '"00042"' in str(row))
    flip(copy, copy.read_bytes().index(b'"00042"') + 3)
    assert verify.main(["--backup", str(copy)]) == 1
    assert f"broken at position {position}: the event does not have its checksum" in capsys.readouterr().out


def test_a_flipped_bit_anywhere_is_found_or_changes_nothing(copy: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    whole, meaning, found = copy.read_bytes(), content(copy), 0
    for _ in range(FLIPS):
        flip(copy, chance.randrange(len(whole)), chance.randrange(8))
        try:
            sound = verify.verify_backup(copy).broken is None
        except StorageError:
            sound = False
        assert not sound or content(copy) == meaning
        found += not sound
        copy.write_bytes(whole)
    assert found > FLIPS // 4


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("DELETE FROM events WHERE revision = 5", "no event begins here"),
        ("UPDATE events SET record = zeroblob(length(record)) WHERE revision = 5", "checksum"),
        ("UPDATE events SET checksum = NULL WHERE revision = 5", "checksum"),
        ("UPDATE events SET type = 'Other' WHERE revision = 5", "wrong type"),
        ("UPDATE events SET created = 7 WHERE revision = 5", "wrong type or time"),
        ("UPDATE events SET id = zeroblob(16) WHERE revision = 5", "wrong stream, revision or id"),
        ("UPDATE events SET revision = 99 WHERE revision = 5", "revision 99 of stream"),
        ("UPDATE streams SET name = 'patient-x' WHERE name = 'patient-5'", "wrong stream"),
        ("UPDATE streams SET name = CAST(name AS BLOB) WHERE name = 'patient-5'", "wrong stream"),
        ("UPDATE streams SET metadata = NULL WHERE metadata IS NOT NULL", "metadata"),
        ("UPDATE streams SET metadata = '{}' WHERE name = 'patient-5'", "metadata"),
        ("DELETE FROM streams WHERE name = 'patient-5'", "wrong stream"),
    ],
)
def test_each_kind_of_damage_is_told(copy: Path, statement: str, complaint: str) -> None:
    change(copy, statement)
    assert complaint in str(verify.verify_backup(copy).broken)


def test_an_index_that_misses_an_event_is_told(copy: Path) -> None:
    database = sqlite3.connect(copy)
    root = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'events_by_id'").fetchone()[0]
    database.close()
    flip(copy, (root - 1) * 4096 + 4000)
    assert verify.verify_backup(copy).broken is not None


def test_a_backup_is_not_overwritten(tmp_path: Path, copy: Path) -> None:
    before = copy.read_bytes()
    assert backup.main(["--data", str(tmp_path / "data"), "--out", str(copy)]) == 3
    assert copy.read_bytes() == before


def test_a_broken_store_gives_no_backup(tmp_path: Path) -> None:
    change(fill(tmp_path / "data"), "UPDATE events SET checksum = 1 WHERE revision = 5")
    assert backup.main(["--data", str(tmp_path / "data"), "--out", str(tmp_path / "copy.db")]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_broken_backup_restores_nothing(tmp_path: Path, copy: Path) -> None:
    flip(copy, copy.read_bytes().index(b'"00042"') + 3)
    assert restore.main(["--backup", str(copy), "--data", str(tmp_path / "fresh")]) == 1
    assert [path.name for path in (tmp_path / "fresh").iterdir()] == ["lock"]


def test_a_directory_in_use_or_not_empty_is_not_restored_into(tmp_path: Path, copy: Path) -> None:
    assert restore.main(["--backup", str(copy), "--data", str(tmp_path / "data")]) == 3
    with locked(tmp_path / "busy"):
        assert restore.main(["--backup", str(copy), "--data", str(tmp_path / "busy")]) == 3
    assert restore.main(["--backup", str(copy), "--data", str(tmp_path / "busy")]) == 0


def test_what_is_no_event_store_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("not a database" * 100)
    assert verify.main(["--backup", str(tmp_path / "text")]) == 3
    assert restore.main(["--backup", str(tmp_path / "missing"), "--data", str(tmp_path / "fresh")]) == 3
    assert verify.main(["--data", str(tmp_path)]) == 3
    text, missing, empty = capsys.readouterr().err.splitlines()
    assert "cannot be read: file is not a database" in text
    assert missing == f"event store: there is no {tmp_path / 'missing'}"
    assert empty == f"event store: there is no {tmp_path / DATABASE}"


def test_events_from_before_there_were_checksums_get_theirs(tmp_path: Path) -> None:
    path = fill(tmp_path)
    before = content(path)
    database = connect(path)
    database.executescript("ALTER TABLE events DROP COLUMN checksum; PRAGMA user_version = 1")
    database.close()
    assert verify.main(["--data", str(tmp_path)]) == 3
    prepare(path)
    assert verify.main(["--data", str(tmp_path)]) == 0
    assert content(path) == before
