"""What is kept of an event whose handler failed (design 13)."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from pydantic import BaseModel

from shared.chassis import parking as module
from shared.chassis.clock import Clock, use_clock
from shared.chassis.documents import Folded, Unwritable
from shared.chassis.mongo import Database
from shared.chassis.parking import Parking, reason_of
from shared.events.envelope import StoredEvent
from shared.testing.clocks import NOON

pytestmark = pytest.mark.anyio


def event(revision: int) -> StoredEvent:
    return StoredEvent(UUID(int=revision), "toy.Counted.v1", "tally-elm.1", revision, 10 * revision, b"{}", b"{}")


class Card(BaseModel):
    keeper: Any = None
    total: int = 0


async def quiet(*_: object) -> None: ...


async def never(*_: object) -> None:
    await asyncio.Event().wait()


async def test_the_first_reason_stays_when_the_event_comes_again(database: Database) -> None:
    parking = Parking("toy", database, quiet)
    await parking.park("cards", event(1), "the handler failed")
    await parking.park("cards", event(1), "waits behind a parked event")
    row = await database["parked"].find_one({})
    assert row is not None
    assert (row["reason"], row["attempts"]) == ("the handler failed", 2)


async def test_a_parked_event_is_kept_with_all_that_an_operator_needs_and_told_once(database: Database) -> None:
    told: list[tuple[object, ...]] = []

    async def announce(*what: object) -> None:
        told.append(what)

    parking = Parking("toy", database, announce)
    later = NOON + timedelta(seconds=9)
    for now, reason in ((NOON, "the handler failed"), (later, "again")):
        with use_clock(Clock(now=partial(datetime.fromisoformat, now.isoformat()))):
            await parking.park("cards", event(3), reason)
    assert await database["parked"].find_one({}) == {
        "_id": f"cards/{UUID(int=3)}", "handler": "cards", "stream": "tally-elm.1", "revision": 3, "position": 30,
        "type": "toy.Counted.v1", "reason": "the handler failed", "first_at": NOON, "last_at": later, "attempts": 2,
    }  # fmt: skip
    assert told == [("cards", event(3), "the handler failed")]


async def test_who_parked_an_event_knows_it_before_looking_again(database: Database) -> None:
    parking = Parking("toy", database, quiet)
    assert not await parking.blocks("cards", event(4))
    await parking.park("cards", event(3), "the handler failed")
    await database["parked"].delete_many({})
    assert await parking.blocks("cards", event(4)), "it looks every 5 s"
    assert not await parking.blocks("others", event(4))
    assert not await parking.blocks("cards", replace(event(4), stream="tally-elm.2"))


async def test_what_another_process_parks_and_releases_is_noticed_when_it_looks_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, other = (Parking("toy", database, quiet) for _ in range(2))
    await other.park("cards", event(3), "the handler failed")
    monkeypatch.setattr(module, "_REFRESH_SECONDS", 0.0)
    assert await worker.blocks("cards", event(3))
    assert await other.release("cards", event(3).stream) == [3]
    assert not await worker.blocks("cards", event(3))


async def test_only_what_stands_behind_a_parked_event_waits(database: Database) -> None:
    """What comes before it may still have to be folded, after a crash between parking and writing."""
    parking = Parking("toy", database, quiet)
    await parking.park("cards", event(3), "the handler failed")
    await parking.park("cards", event(4), "waits behind a parked event")
    for known in (parking, Parking("toy", database, quiet)):
        assert [await known.blocks("cards", event(revision)) for revision in (2, 3, 4)] == [False, True, True]
        assert not await known.blocks("others", event(4))


async def test_a_released_stream_is_free_again(database: Database) -> None:
    parking = Parking("toy", database, quiet)
    await parking.park("cards", event(3), "the handler failed")
    await parking.park("cards", event(4), "waits behind a parked event")
    assert await parking.release("cards", event(3).stream) == [3, 4]
    assert not await parking.blocks("cards", event(4))
    assert await database["parked"].count_documents({}) == 2, "until they were handled"
    await parking.forget("cards", event(3).stream)
    assert await database["parked"].count_documents({}) == 0


async def test_what_is_parked_again_after_its_release_is_news_and_stays(database: Database) -> None:
    told: list[object] = []

    async def announce(*what: object) -> None:
        told.append(what[2])

    parking = Parking("toy", database, announce)
    await parking.park("cards", event(3), "the handler failed")
    await parking.release("cards", event(3).stream)
    await parking.park("cards", event(3), "it fails elsewhere")
    await parking.forget("cards", event(3).stream)
    row = await database["parked"].find_one({})
    assert row is not None
    assert (row["reason"], row["attempts"], "released" in row) == ("it fails elsewhere", 2, False)
    assert told == ["the handler failed", "it fails elsewhere"]
    assert await parking.blocks("cards", event(3))


async def test_the_metric_follows_what_another_process_releases_and_parks(database: Database) -> None:
    worker, operator = (Parking("gauged", database, quiet) for _ in range(2))
    await worker.park("cards", event(3), "the handler failed")
    assert parked_as_told() == 1
    await operator.release("cards", event(3).stream)
    await operator.forget("cards", event(3).stream)
    await worker.measure()
    assert parked_as_told() == 0
    await operator.park("cards", event(4), "the handler failed")
    await operator.park("cards", event(5), "waits behind a parked event")
    await Parking("gauged", database, quiet).measure()
    assert parked_as_told() == 2


async def test_the_metric_tells_handlers_apart(database: Database) -> None:
    parking = Parking("apart", database, quiet)
    for handler, revision in (("a", 1), ("b", 1), ("b", 2)):
        await parking.park(handler, event(revision), "the handler failed")
    await database["parked"].delete_many({"handler": "a"})
    await parking.measure()
    told = {handler: {"service": "apart", "projection": handler} for handler in "ab"}
    found = {handler: REGISTRY.get_sample_value("vetwire_parked_events", labels) for handler, labels in told.items()}
    assert found == {"a": 0, "b": 2}
    assert await parking.release("b", event(1).stream) == [1, 2]
    await parking.forget("b", event(1).stream)
    assert REGISTRY.get_sample_value("vetwire_parked_events", told["b"]) == 0


def parked_as_told() -> float | None:
    return REGISTRY.get_sample_value("vetwire_parked_events", {"service": "gauged", "projection": "cards"})


async def test_a_producer_that_hangs_holds_nobody_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka #1039: a send may never end."""
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    async with asyncio.timeout(5):
        await Parking("toy", database, never).park("cards", event(1), "the handler failed")
    assert await database["parked"].count_documents({}) == 1


def test_the_reason_says_where_and_quotes_nobody() -> None:
    """It is stored in clear and goes to the parked topic, and errors quote what they choke on."""
    try:
        Card.model_validate({"total": "Zoe of Elm Street"})
    except ValueError as error:
        reason = reason_of(error)
    assert "Zoe" not in reason
    assert "ValidationError" in reason
    assert "test_parking.py" in reason


def raised_in(*files: str) -> Exception:
    """A KeyError that went through a function of each file, the last one first."""
    inner: Any = None
    for name in reversed(files):
        body = "inner()" if inner else "raise KeyError('Zoe')"
        space: dict[str, Any] = {"inner": inner}
        exec(compile(f"def {Path(name).stem}():\n {body}", name, "exec"), space)
        inner = space[Path(name).stem]
    with pytest.raises(KeyError) as caught:
        inner()
    error = caught.value
    assert error.__traceback__ is not None
    return error.with_traceback(error.__traceback__.tb_next)


def test_the_reason_points_into_our_code_and_not_into_a_librarys() -> None:
    error = raised_in("ours.py", "site-packages/theirs.py")
    assert reason_of(error) == "KeyError in ours (ours.py:2)"
    assert reason_of(raised_in("site-packages/a.py", "site-packages/b.py")) == "KeyError in b (b.py:2)"


def test_a_document_that_cannot_be_written_is_not_quoted() -> None:
    document = Folded("tally-elm.1", -1, 0, Card(keeper={"Zoe": 1, 2: 3}, total=2**63))
    with pytest.raises(Unwritable) as refused:
        document.to_operation()
    assert "Zoe" not in str(refused.value)
    assert "InvalidDocument" in str(refused.value) or "Error" in str(refused.value)
