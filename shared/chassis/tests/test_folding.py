"""Folding in parts: whatever fits, every stream once, and what cannot simply be folded is handed back."""

from uuid import uuid4
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from shared.chassis.documents import AnyProjection
from shared.chassis.folding import FULL, Part
from shared.events.base import Event
from shared.events.envelope import StoredEvent
from shared.kernel.decider import Projection


class Stepped(Event):
    step: int


class Sum(BaseModel):
    total: int = 0


def evolve(sum_: Sum | None, event: Stepped) -> Sum:
    if event.step == 13:
        raise ArithmeticError("thirteen")
    return Sum(total=(sum_ or Sum()).total + event.step)


SUMS: AnyProjection = Projection("sums", "sum", (Stepped,), Sum, evolve)


def stored(stream: str, revision: int) -> StoredEvent:
    return StoredEvent(uuid4(), "folding.Stepped.v1", stream, revision, 0, b"{}", b"")


def whole(limit: int = 1000) -> Part:
    return Part(SUMS, 0, FULL, limit)


def test_what_was_seen_is_dropped() -> None:
    part = whole()
    for revision in (0, 1, 0, 1, 2):
        assert part.take(stored("sum-elm.1", revision), Stepped(step=1)) is None
    [document] = part.documents.values()
    assert (document.revision, document.view) == (2, Sum(total=3))


def test_a_gap_is_handed_back_and_nothing_folded() -> None:
    part = whole()
    rest = part.take(stored("sum-elm.1", 2), Stepped(step=1))
    assert rest is not None
    assert (rest.error, rest.document.revision) == (None, -1)


def test_a_failing_handler_is_handed_back_and_what_follows_waits() -> None:
    part = whole()
    rest = part.take(stored("sum-elm.1", 0), Stepped(step=13))
    assert rest is not None
    assert rest.error is not None
    assert "ArithmeticError" in rest.error
    part.stuck.add("sum-elm.1")
    behind = part.take(stored("sum-elm.1", 1), Stepped(step=1))
    assert behind is not None
    assert (behind.error, behind.document.view) == ("waits behind a parked event", None)


def test_a_part_holds_from_its_low_end_up_to_but_not_with_its_high_end() -> None:
    at = crc32(b"sum-elm.1")
    edges = [(at, at + 1), (at - 1, at), (at + 1, at + 2), (at - 1, at + 1), (at, at)]
    held = {(low - at, high - at): Part(SUMS, low, high, 1).holds("sum-elm.1") for low, high in edges}
    assert held == {(0, 1): True, (-1, 0): False, (1, 2): False, (-1, 1): True, (0, 0): False}


def test_the_whole_holds_everything_and_no_part_does_by_chance() -> None:
    assert whole().holds("sum-elm.1")
    at = crc32(b"sum-elm.1")
    assert not Part(SUMS, FULL - at, at, 1).holds("sum-elm.1")


def test_a_part_of_one_hash_is_never_shrunk_to_nothing() -> None:
    at = crc32(b"sum-elm.1")
    part = Part(SUMS, at, at + 1, 0)
    part.take(stored("sum-elm.1", 0), Stepped(step=1))
    part.shrink()
    assert (part.low, part.high, len(part.documents)) == (at, at + 1, 1)


@given(st.sets(st.text(min_size=1, max_size=8), min_size=1, max_size=120), st.integers(1, 30))
def test_passes_take_every_stream_exactly_once_and_hold_no_more_than_the_limit(names: set[str], limit: int) -> None:
    streams = [f"sum-elm.{name}" for name in sorted(names)]
    taken: list[str] = []
    done, width = 0, FULL
    while done < FULL:
        part = Part(SUMS, done, min(FULL, done + width), limit)
        for stream in filter(part.holds, streams):
            part.take(stored(stream, 0), Stepped(step=1))
            part.shrink()
            assert len(part.documents) <= limit or part.high - part.low == 1
        taken.extend(part.documents)
        done, width = part.high, part.high - part.low
    assert sorted(taken) == sorted(streams)
