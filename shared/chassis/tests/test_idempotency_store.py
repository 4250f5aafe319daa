"""One suite for every idempotency store."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.chassis.clock import Clock, use_clock
from shared.chassis.idempotency_store import LEASE, TTL, Claim, IdempotencyStore, MongoIdempotencyStore, StoredAnswer
from shared.chassis.mongo import Database
from shared.testing.idempotency import MemoryIdempotencyStore

pytestmark = pytest.mark.anyio
ANSWER = StoredAnswer(201, '{"revision":1}', {"ETag": '"1"'})


class Time:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def time() -> AsyncIterator[Time]:
    """Asynchronous, so that the clock is set in the context in which the test runs."""
    time = Time()
    with use_clock(Clock(now=lambda: time.now)):
        yield time


@pytest.fixture
def memory() -> IdempotencyStore:
    return MemoryIdempotencyStore()


@pytest.fixture
async def mongo(database: Database) -> IdempotencyStore:
    store = MongoIdempotencyStore(database)
    await store.prepare()
    await store.prepare()
    return store


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest) -> IdempotencyStore:
    found: IdempotencyStore = request.getfixturevalue(request.param)
    return found


def claim(owner: str = "first", fingerprint: str = "f", key_id: str = "k") -> Claim:
    return Claim(key_id, fingerprint, owner)


async def test_a_free_key_is_ours(store: IdempotencyStore, time: Time) -> None:
    assert (await store.claim(claim())).is_ours


async def test_a_held_key_is_in_use(store: IdempotencyStore, time: Time) -> None:
    await store.claim(claim())
    outcome = await store.claim(claim("second"))
    assert (outcome.is_ours, outcome.answer, outcome.is_other_payload) == (False, None, False)


async def test_an_answered_key_gives_the_answer(store: IdempotencyStore, time: Time) -> None:
    await store.claim(claim())
    await store.finish(claim(), ANSWER)
    assert (await store.claim(claim("second"))).answer == ANSWER


async def test_another_payload_is_noticed_running_or_answered(store: IdempotencyStore, time: Time) -> None:
    await store.claim(claim())
    assert (await store.claim(claim("second", "g"))).is_other_payload
    await store.finish(claim(), ANSWER)
    assert (await store.claim(claim("second", "g"))).is_other_payload


async def test_a_claim_whose_process_died_can_be_taken_over_once(store: IdempotencyStore, time: Time) -> None:
    await store.claim(claim())
    time.now += LEASE + timedelta(seconds=1)
    assert (await store.claim(claim("second"))).is_ours
    assert not (await store.claim(claim("third"))).is_ours


@pytest.mark.parametrize("after", [timedelta(0), LEASE + timedelta(seconds=1)])
async def test_of_many_claims_at_once_one_wins(store: IdempotencyStore, time: Time, after: timedelta) -> None:
    if after:
        await store.claim(claim())
        time.now += after
    outcomes = await asyncio.gather(*(store.claim(claim(f"owner-{n}")) for n in range(10)))
    assert [outcome.is_ours for outcome in outcomes].count(True) == 1


async def test_a_renewed_claim_is_not_taken_over(store: IdempotencyStore, time: Time) -> None:
    await store.claim(claim())
    time.now += LEASE - timedelta(seconds=1)
    await store.renew(claim())
    time.now += LEASE - timedelta(seconds=1)
    assert not (await store.claim(claim("second"))).is_ours


async def test_who_lost_the_claim_neither_answers_nor_releases(store: IdempotencyStore, time: Time) -> None:
    await store.claim(claim())
    time.now += LEASE + timedelta(seconds=1)
    await store.claim(claim("second"))
    await store.finish(claim(), StoredAnswer(201, "stale", {}))
    await store.release(claim(), forget=True)
    await store.renew(claim())
    assert (await store.claim(claim("third"))).answer is None
    await store.finish(claim("second"), ANSWER)
    assert (await store.claim(claim("third"))).answer == ANSWER


async def test_a_released_key_is_free_for_the_same_payload(store: IdempotencyStore, time: Time) -> None:
    await store.claim(claim())
    await store.release(claim(), forget=False)
    assert (await store.claim(claim("second", "g"))).is_other_payload
    assert (await store.claim(claim("second"))).is_ours


async def test_a_forgotten_key_is_free_for_any_payload(store: IdempotencyStore, time: Time) -> None:
    await store.claim(claim())
    await store.release(claim(), forget=True)
    assert (await store.claim(claim("second", "g"))).is_ours


async def test_a_key_is_kept_for_a_day(store: IdempotencyStore, time: Time) -> None:
    await store.claim(claim())
    await store.finish(claim(), ANSWER)
    time.now += TTL - timedelta(seconds=1)
    assert (await store.claim(claim("second"))).answer == ANSWER
    time.now += timedelta(seconds=2)
    assert (await store.claim(claim("third", "g"))).is_ours


async def test_keys_do_not_mix(store: IdempotencyStore, time: Time) -> None:
    await store.claim(claim())
    await store.finish(claim(), ANSWER)
    assert (await store.claim(claim("second", key_id="other"))).is_ours


@pytest.mark.servers
async def test_mongodb_deletes_old_keys_by_itself(database: Database, mongo: IdempotencyStore) -> None:
    indexes = await database["idempotency_keys"].index_information()
    assert [index["expireAfterSeconds"] for index in indexes.values() if "expireAfterSeconds" in index] == [0]
