"""Group commit: what shares a transaction, what fails alone, what is visible when."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count, pairwise
from pathlib import Path
from uuid import UUID

import pytest

from deploy.embedded.eventstore import writer as writer_module
from deploy.embedded.eventstore.append import outcome_of, write
from deploy.embedded.eventstore.decision import ANY, NO_STREAM
from deploy.embedded.eventstore.errors import QueueFullError, StorageFailedError, TooLateError
from deploy.embedded.eventstore.filters import Row
from deploy.embedded.eventstore.group import Failed, Kind, Outcome, Work, Written, WrongVersion
from deploy.embedded.eventstore.ledger import EventRow, Ledger
from deploy.embedded.eventstore.storage import connect, prepare
from deploy.embedded.eventstore.wire import JSON, Proposed
from deploy.embedded.eventstore.writer import Writer

pytestmark = pytest.mark.anyio

numbers = count(1)


def proposed(data: bytes = b"{}") -> Proposed:
    event_id = UUID(int=next(numbers))
    return Proposed(event_id.bytes, str(event_id), "Happened", JSON, b"", data)


def append(stream: str, expected: int = ANY, events: Sequence[Proposed] = ()) -> Work:
    return Work(stream, expected, events=events or [proposed()])


@asynccontextmanager
async def opened(path: Path, committed: list[Row] | None = None) -> AsyncIterator[Writer]:
    prepare(path)
    writer = Writer(path, committed=(committed if committed is not None else []).extend)
    writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


class Gate:
    """Holds the writer thread at its next commit until opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        commit = Ledger.commit

        def held(ledger: Ledger) -> None:
            self.reached.set()
            assert self.open.wait(10)
            commit(ledger)

        monkeypatch.setattr(Ledger, "commit", held)


async def test_requests_that_wait_together_share_a_transaction(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(path)
    async with opened(path) as writer:
        gate = Gate(monkeypatch)
        first = asyncio.ensure_future(write(writer, append("first")))
        assert await asyncio.to_thread(gate.reached.wait, 10)
        others = [asyncio.ensure_future(write(writer, append(f"s-{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        transactions: list[int] = []
        insert = Ledger.insert_events

        def counted(ledger: Ledger, rows: Sequence[EventRow]) -> None:
            transactions.append(len(rows))
            insert(ledger, rows)

        monkeypatch.setattr(Ledger, "insert_events", counted)
        gate.open.set()
        await asyncio.gather(first, *others)
        assert transactions == [50]


async def test_nothing_is_visible_before_its_commit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed: list[Row] = []
    async with opened(path, committed) as writer:
        gate = Gate(monkeypatch)
        answer = asyncio.ensure_future(write(writer, append("s")))
        assert await asyncio.to_thread(gate.reached.wait, 10)
        reader = connect(path)
        assert reader.execute("SELECT count(*) FROM streams WHERE name = 's'").fetchone() == (0,)
        assert not committed
        assert not answer.done()
        gate.open.set()
        await answer
        assert reader.execute("SELECT count(*) FROM streams WHERE name = 's'").fetchone() == (1,)
        assert [row[1] for row in committed] == ["s"]
        reader.close()


async def test_one_failing_request_does_not_fail_its_group(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    insert = Ledger.insert_events

    def refusing(ledger: Ledger, rows: Sequence[EventRow]) -> None:
        insert(ledger, rows)
        if any(b"toxin" in row[6] for row in rows):
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Ledger, "insert_events", refusing)
    async with opened(path) as writer:
        works = [append(f"s-{n}", NO_STREAM) for n in range(5)]
        works.insert(2, append("s-poison", NO_STREAM, [proposed(b"toxin")]))
        answers = await asyncio.gather(*(write(writer, work) for work in works), return_exceptions=True)
        assert isinstance(answers.pop(2), StorageFailedError)
        assert all(isinstance(answer, Written) for answer in answers)
        # The failed stream is as if nothing had happened.
        assert await write(writer, append("s-poison", NO_STREAM)) == Written(0, _last_position(path))


def _last_position(path: Path) -> int:
    reader = connect(path)
    try:
        return int(reader.execute("SELECT max(position) FROM events").fetchone()[0])
    finally:
        reader.close()


async def test_a_request_sees_those_before_it_in_its_own_group(path: Path) -> None:
    event = proposed()
    async with opened(path) as writer:
        answers = await asyncio.gather(
            write(writer, append("s", NO_STREAM, [event])),
            write(writer, append("s", NO_STREAM, [event])),
            write(writer, append("s", ANY, [event])),
            write(writer, append("s", NO_STREAM)),
            write(writer, append("s", 0)),
        )
    written, repeat, any_repeat, conflict, second = answers
    assert written == repeat == any_repeat
    assert conflict == WrongVersion(0)
    assert isinstance(second, Written)
    assert second.revision == 1


async def test_deleting_and_writing_again_in_one_group_goes_on_counting(path: Path) -> None:
    async with opened(path) as writer:
        answers = await asyncio.gather(
            write(writer, append("s", NO_STREAM)),
            write(writer, Work("s", 0, kind=Kind.DELETE)),
            write(writer, append("s", NO_STREAM)),
            write(writer, append("$$s", 0)),
        )
    assert isinstance(answers[2], Written)
    assert answers[2].revision == 1
    # The server wrote metadata twice: once to delete, once to bring the stream back.
    assert answers[3] == WrongVersion(1)


async def test_positions_rise_with_gaps_and_go_on_after_a_restart(path: Path) -> None:
    committed: list[Row] = []
    async with opened(path, committed) as writer:
        await asyncio.gather(*(write(writer, append(f"s-{n}", events=[proposed(), proposed()])) for n in range(9)))
    async with opened(path, committed) as writer:
        await write(writer, append("s-0", 1))
    positions = [row[0] for row in committed]
    assert len(positions) == 19
    assert all(later - earlier > 1 for earlier, later in pairwise(positions))


async def test_a_repeat_is_recognised_after_a_restart(path: Path) -> None:
    event = proposed()
    async with opened(path) as writer:
        first = await write(writer, append("s", ANY, [event]))
        await write(writer, append("s", ANY))
    async with opened(path) as writer:
        assert await write(writer, append("s", ANY, [event])) == first
        assert await write(writer, append("s", NO_STREAM, [event])) == first


async def test_a_late_request_writes_nothing(path: Path) -> None:
    async with opened(path) as writer:
        late = append("s")
        late.deadline = 0.0
        with pytest.raises(TooLateError):
            await write(writer, late)
        assert await write(writer, append("s", NO_STREAM)) == Written(0, _last_position(path))


async def test_a_full_queue_refuses_and_recovers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "QUEUE_REQUESTS", 3)
    async with opened(path) as writer:
        waiting = [asyncio.ensure_future(write(writer, append(f"s-{n}"))) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            writer.submit(append("one-too-many"))
        await asyncio.gather(*waiting)
        assert isinstance(await write(writer, append("next")), Written)


async def test_what_is_queued_is_written_when_the_server_stops(path: Path) -> None:
    answers: list[Outcome] = []
    async with opened(path) as writer:
        for n in range(100):
            work = append(f"s-{n}")
            work.done = answers.append
            writer.submit(work)
    await asyncio.sleep(0)
    assert len(answers) == 100


async def test_more_streams_than_are_remembered_keep_their_revisions(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "REMEMBERED_HEADS", 4)
    async with opened(path) as writer:
        for expected in (NO_STREAM, 0, 1):
            answers = await asyncio.gather(*(write(writer, append(f"s-{n}", expected)) for n in range(20)))
            assert all(isinstance(answer, Written) for answer in answers)


@pytest.fixture
def committing_threads(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """Who committed, in order."""
    found: list[threading.Thread] = []
    commit = Ledger.commit

    def noted(ledger: Ledger) -> None:
        found.append(threading.current_thread())
        commit(ledger)

    monkeypatch.setattr(Ledger, "commit", noted)
    return found


async def test_a_lone_request_is_committed_on_the_spot(path: Path, committing_threads: list[threading.Thread]) -> None:
    answers: list[Outcome] = []
    async with opened(path) as writer:
        committing_threads.clear()
        work = append("s", NO_STREAM)
        work.done = answers.append
        writer._quick = True  # whatever the disk was like a moment ago
        writer.submit(work, alone=True)
        assert answers == [Written(0, _last_position(path))]
        assert committing_threads == [threading.current_thread()]
        # It was the turn of one request, and the next ones have theirs.
        assert await write(writer, append("s", 0)) == Written(1, _last_position(path))
        assert committing_threads[1] is not threading.current_thread()


async def test_a_slow_disk_never_holds_the_loop_up(
    path: Path, committing_threads: list[threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "QUICK_SECONDS", 0.0)
    async with opened(path) as writer:
        committing_threads.clear()
        assert isinstance(await outcome_of(writer, append("s"), alone=True), Written)
        assert threading.current_thread() not in committing_threads


async def test_a_lone_request_that_fails_leaves_the_writer_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(path) as writer:
        with monkeypatch.context() as broken:
            broken.setattr(Ledger, "commit", _full)
            assert isinstance(await outcome_of(writer, append("s", NO_STREAM), alone=True), Failed)
        assert await outcome_of(writer, append("s", NO_STREAM), alone=True) == Written(0, _last_position(path))


def _full(_: Ledger) -> None:
    raise sqlite3.OperationalError("database or disk is full")
