import asyncio

import pytest

from deploy.embedded.eventstore import tail as tail_module
from deploy.embedded.eventstore.errors import ClosedError
from deploy.embedded.eventstore.filters import Row, build_filter
from deploy.embedded.eventstore.tail import Tail

pytestmark = pytest.mark.anyio


def rows(*positions: int, stream: str = "s", type_: str = "T") -> list[Row]:
    return [(position, stream, 0, type_, b"x" * 10) for position in positions]


def positions(found: object) -> list[int]:
    assert isinstance(found, list | tuple)
    return [row[0] for row in found]


async def test_it_gives_the_events_after_a_position() -> None:
    tail = Tail(head=5)
    tail.publish(rows(10, 20, 30))
    assert positions(tail.after(5)) == [10, 20, 30]
    assert positions(tail.after(20)) == [30]
    assert positions(tail.after(30)) == []
    assert positions(tail.after(99)) == []


async def test_it_says_so_when_events_after_a_position_are_not_kept() -> None:
    tail = Tail(head=5)
    assert tail.after(4) is None
    tail.publish(rows(*range(10, 10 + 2 * tail_module.KEPT_EVENTS)))
    assert tail.after(5) is None
    assert positions(tail.after(tail.head - 3)) == [tail.head - 2, tail.head - 1, tail.head]


async def test_what_it_keeps_is_bounded_by_size_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "KEPT_BYTES", 100)
    tail = Tail(head=0)
    tail.publish(rows(*range(1, 50)))
    kept = tail.after(45)
    assert positions(kept) == [46, 47, 48, 49]
    assert tail.after(20) is None


async def test_only_those_are_woken_who_want_the_event() -> None:
    tail = Tail(head=0)
    wanted = build_filter(False, "^T$", ())
    sleepers = {
        "stream": asyncio.ensure_future(tail.wait_for_stream("s")),
        "other stream": asyncio.ensure_future(tail.wait_for_stream("other")),
        "type": asyncio.ensure_future(tail.wait_for(wanted)),
        "other type": asyncio.ensure_future(tail.wait_for(build_filter(False, "^U$", ()))),
        "everything": asyncio.ensure_future(tail.wait_for(None)),
        "checkpoint due": asyncio.ensure_future(tail.wait_for(build_filter(False, "^V$", ()), due=2)),
        "checkpoint not due": asyncio.ensure_future(tail.wait_for(build_filter(False, "^V$", ()), due=3)),
    }
    await asyncio.sleep(0)
    tail.publish(rows(10, 20))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert {name for name, task in sleepers.items() if task.done()} == {
        "stream",
        "type",
        "everything",
        "checkpoint due",
    }
    for task in sleepers.values():
        task.cancel()


async def test_a_stream_reader_learns_from_where_to_go_on() -> None:
    tail = Tail(head=0)
    sleeper = asyncio.ensure_future(tail.wait_for_stream("s"))
    await asyncio.sleep(0)
    tail.publish(rows(10, stream="other"))
    tail.publish(rows(20))
    assert await sleeper == 10


async def test_closing_wakes_everybody_for_good() -> None:
    tail = Tail(head=0)
    sleepers = [asyncio.ensure_future(tail.wait_for(None)), asyncio.ensure_future(tail.wait_for_stream("s"))]
    await asyncio.sleep(0)
    tail.close()
    await asyncio.gather(*sleepers)
    with pytest.raises(ClosedError):
        tail.after(0)
