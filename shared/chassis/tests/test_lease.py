"""One holder at a time, and whoever was replaced can write nothing more (design 7)."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.chassis import clock
from shared.chassis.lease import LEASE_SECONDS, RENEW_SECONDS, Fenced, Lease
from shared.chassis.mongo import Collection, Database, Document
from shared.testing.clocks import NOON

pytestmark = pytest.mark.anyio
TERM = timedelta(seconds=LEASE_SECONDS)


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def pass_(self, time: timedelta) -> None:
        self.time += time


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    time = Clock()
    monkeypatch.setattr(clock, "now", time.now)
    return time


def lease(db: Database, holder: str) -> Lease:
    return Lease(db["leases"], "relay", holder)


async def stored(db: Database) -> Document:
    row = await db["leases"].find_one({"_id": "relay"})
    assert row is not None
    return row


async def test_a_free_lease_is_taken_for_a_term(database: Database, time: Clock) -> None:
    found = await lease(database, "a").acquire()
    assert found == await stored(database) == {"_id": "relay", "holder": "a", "until": NOON + TERM, "epoch": 1}


async def test_while_it_is_held_nobody_else_gets_it_and_it_ends_with_its_term(database: Database, time: Clock) -> None:
    await lease(database, "a").acquire()
    time.pass_(TERM)
    assert await lease(database, "b").acquire() is None
    time.pass_(timedelta(milliseconds=1))
    found = await lease(database, "b").acquire()
    assert found is not None
    assert (found["holder"], found["epoch"], found["until"]) == ("b", 2, time.now() + TERM)


async def test_its_holder_gets_it_again_and_fences_itself(database: Database, time: Clock) -> None:
    """A process that came back under its name does not know what its other half is doing."""
    before = lease(database, "a")
    await before.acquire()
    again = await lease(database, "a").acquire()
    assert again is not None
    assert again["epoch"] == 2
    with pytest.raises(Fenced):
        await before.renew()


async def test_what_the_holder_saves_outlives_it(database: Database, time: Clock) -> None:
    first = lease(database, "a")
    await first.acquire()
    await first.save({"position": 7, "tails": {"0": 3}})
    await first.save({"position": 8})
    time.pass_(2 * TERM)
    found = await lease(database, "b").acquire()
    assert found is not None
    assert (found["position"], found["tails"]) == (8, {"0": 3})


async def test_the_fenced_write_nothing(database: Database, time: Clock) -> None:
    old, new = lease(database, "a"), lease(database, "b")
    await old.acquire()
    await new.take()
    for attempt in (old.renew(), old.save({"position": 1})):
        with pytest.raises(Fenced, match="relay"):
            await attempt
    await old.release()
    assert await stored(database) == {"_id": "relay", "holder": "b", "until": NOON + TERM, "epoch": 2}
    await new.save({"position": 2})


async def test_who_never_held_it_can_save_nothing(database: Database, time: Clock) -> None:
    with pytest.raises(Fenced):
        await lease(database, "a").save({"position": 1})
    assert await database["leases"].count_documents({}) == 0


async def test_renewed_in_time_it_is_kept(database: Database, time: Clock) -> None:
    held = lease(database, "a")
    await held.acquire()
    for _ in range(5):
        time.pass_(timedelta(seconds=RENEW_SECONDS))
        await held.renew()
    assert await stored(database) == {"_id": "relay", "holder": "a", "until": time.now() + TERM, "epoch": 1}
    assert await lease(database, "b").acquire() is None


async def test_released_it_is_free_at_once(database: Database, time: Clock) -> None:
    held = lease(database, "a")
    await held.acquire()
    await held.release()
    time.pass_(timedelta(milliseconds=1))
    found = await lease(database, "b").acquire()
    assert found is not None
    assert found["epoch"] == 2


async def test_two_leases_of_a_collection_know_nothing_of_each_other(database: Database, time: Clock) -> None:
    for name in ("relay", "sweep"):
        found = await Lease(database["leases"], name, "a").acquire()
        assert found is not None
        assert (found["_id"], found["epoch"]) == (name, 1)


async def test_a_claim_without_an_answer_is_none_and_the_next_one_settles_it(database: Database, time: Clock) -> None:
    """SecantusDB answers so now and then, when somebody else writes the document at the same moment."""
    held = lease(database, "a")
    held._collection = Forgetful(held._collection, 2)  # type: ignore[assignment]
    assert await held.acquire() is None
    with pytest.raises(Fenced):
        await held.save({"position": 1})
    found = await held.take()
    assert found["epoch"] == 3
    await held.save({"position": 1})


class Forgetful:
    """Does what it is told, and does not say so the first times."""

    def __init__(self, collection: Collection, times: int) -> None:
        self.collection, self.times = collection, times
        self.update_one = collection.update_one

    async def find_one_and_update(self, *what: Any, **how: Any) -> Document | None:
        found: Document | None = await self.collection.find_one_and_update(*what, **how)
        self.times -= 1
        return found if self.times < 0 else None


def test_a_lease_is_renewed_well_before_it_ends() -> None:
    assert 2 * RENEW_SECONDS < LEASE_SECONDS
