"""The append decision, case by case (protocol notes 1.5 and 1.6)."""

from dataclasses import dataclass

import pytest

from deploy.embedded.eventstore.decision import (
    ANY,
    DELETED,
    EXISTS,
    MISMATCH,
    NO_STREAM,
    WRITE,
    AlreadyWritten,
    Decision,
    StreamState,
    decide_append,
    decide_delete,
    decide_tombstone,
)
from deploy.embedded.eventstore.metadata import END_OF_STREAM, StreamSettings

A, B, C, NEW, NEWER = (bytes([n]) * 16 for n in range(5))

ABSENT = StreamState()
DESCRIBED = StreamState(has_metadata=True)
OPEN = StreamState(last=2)
SOFT_DELETED = StreamState(last=2, has_metadata=True, settings=StreamSettings(truncate_before=END_OF_STREAM))
TOMBSTONED = StreamState(last=END_OF_STREAM)


@dataclass(frozen=True)
class Stored:
    """A stream that holds these ids from revision 0 on."""

    ids: tuple[bytes, ...] = (A, B, C)

    def revision_of(self, event_id: bytes) -> int | None:
        found = [revision for revision, known in enumerate(self.ids) if known == event_id]
        return found[-1] if found else None

    def id_at(self, revision: int) -> bytes | None:
        return self.ids[revision] if revision < len(self.ids) else None


@pytest.mark.parametrize(
    ("state", "expected", "ids", "decision"),
    [
        # a stream that never existed
        (ABSENT, NO_STREAM, [NEW], WRITE),
        (ABSENT, ANY, [NEW], WRITE),
        (ABSENT, EXISTS, [NEW], MISMATCH),
        (DESCRIBED, EXISTS, [NEW], WRITE),
        (ABSENT, 0, [NEW], MISMATCH),
        # the right revision, and one that lies ahead
        (OPEN, 2, [NEW], WRITE),
        (OPEN, 3, [NEW], MISMATCH),
        # a revision that lies behind: a repeat, a conflict, a mixture
        (OPEN, 1, [C], AlreadyWritten(2)),
        (OPEN, NO_STREAM, [A, B], AlreadyWritten(1)),
        (OPEN, NO_STREAM, [A, B, C], AlreadyWritten(2)),
        (OPEN, 0, [NEW], MISMATCH),
        (OPEN, 0, [B, NEW], MISMATCH),
        (OPEN, 1, [C, NEW], MISMATCH),
        (OPEN, 0, [C], MISMATCH),
        # any revision
        (OPEN, ANY, [NEW], WRITE),
        (OPEN, ANY, [NEW, A], WRITE),
        (OPEN, ANY, [A], AlreadyWritten(0)),
        (OPEN, ANY, [A, B], AlreadyWritten(1)),
        (OPEN, ANY, [A, NEW], MISMATCH),
        (OPEN, EXISTS, [NEW], WRITE),
        (OPEN, EXISTS, [C], AlreadyWritten(2)),
        # soft-deleted
        (SOFT_DELETED, ANY, [NEW], WRITE),
        (SOFT_DELETED, NO_STREAM, [NEW], WRITE),
        (SOFT_DELETED, NO_STREAM, [A], AlreadyWritten(0)),
        (SOFT_DELETED, NO_STREAM, [A, NEW], MISMATCH),
        (SOFT_DELETED, 2, [NEW], WRITE),
        (SOFT_DELETED, 1, [NEW], MISMATCH),
        (SOFT_DELETED, EXISTS, [NEW], DELETED),
        # tombstoned: no, whatever is expected
        (TOMBSTONED, ANY, [NEW], DELETED),
        (TOMBSTONED, NO_STREAM, [NEW], DELETED),
        (TOMBSTONED, EXISTS, [NEW], DELETED),
        (TOMBSTONED, 2, [NEW], DELETED),
        # no events at all
        (ABSENT, NO_STREAM, [], WRITE),
        (OPEN, ANY, [], AlreadyWritten(2)),
        (OPEN, 2, [], WRITE),
        (OPEN, 5, [], MISMATCH),
        # the same id twice in one append
        (OPEN, 2, [NEW, NEW], WRITE),
    ],
)
def test_an_append_is_written_recognised_or_refused(
    state: StreamState, expected: int, ids: list[bytes], decision: Decision
) -> None:
    stored = Stored() if state.last >= 0 else Stored(())
    assert decide_append(state, expected, ids, stored) == decision


def test_a_repeat_of_an_append_that_held_an_id_twice_is_recognised() -> None:
    stored = Stored((NEW, NEW))
    state = StreamState(last=1)
    assert decide_append(state, ANY, [NEW, NEW], stored) == AlreadyWritten(1)
    assert decide_append(state, NO_STREAM, [NEW, NEW], stored) == AlreadyWritten(1)


@pytest.mark.parametrize(
    ("state", "expected", "decision"),
    [
        (ABSENT, ANY, MISMATCH),
        (ABSENT, NO_STREAM, MISMATCH),
        (ABSENT, EXISTS, MISMATCH),
        (DESCRIBED, EXISTS, MISMATCH),
        (OPEN, ANY, WRITE),
        (OPEN, EXISTS, WRITE),
        (OPEN, 2, WRITE),
        (OPEN, 1, MISMATCH),
        (OPEN, NO_STREAM, MISMATCH),
        (SOFT_DELETED, ANY, WRITE),
        (SOFT_DELETED, 2, WRITE),
        (SOFT_DELETED, 1, MISMATCH),
        (SOFT_DELETED, EXISTS, DELETED),
        (TOMBSTONED, ANY, DELETED),
    ],
)
def test_a_delete_needs_a_stream_at_the_expected_revision(
    state: StreamState, expected: int, decision: Decision
) -> None:
    assert decide_delete(state, expected) == decision


@pytest.mark.parametrize(
    ("state", "expected", "decision"),
    [
        (ABSENT, ANY, WRITE),
        (ABSENT, NO_STREAM, WRITE),
        (ABSENT, EXISTS, MISMATCH),
        (OPEN, 2, WRITE),
        (OPEN, 0, MISMATCH),
        (SOFT_DELETED, EXISTS, DELETED),
        (SOFT_DELETED, ANY, WRITE),
        (TOMBSTONED, ANY, DELETED),
    ],
)
def test_a_tombstone_may_be_set_before_the_stream_exists(state: StreamState, expected: int, decision: Decision) -> None:
    assert decide_tombstone(state, expected) == decision
