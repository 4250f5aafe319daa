"""One suite for the throttle in memory and the one in MongoDB."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from starlette.requests import Request

from portal.api.throttle import Key, MemoryThrottle, MongoThrottle, Throttle, account_key, address_key, wait_after
from shared.chassis.mongo import connect, database
from shared.chassis.problems import Problem
from shared.testing.running import Servers

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", pytest.param("mongodb", marks=pytest.mark.servers)])
async def throttle(request: pytest.FixtureRequest, moment: Any) -> AsyncIterator[Throttle]:
    """Not prepared: MongoDB would take the tests' time for long ago and delete the counts in their midst."""
    if request.param == "memory":
        yield MemoryThrottle()
        return
    client = connect(request.getfixturevalue("servers").mongodb)
    made = MongoThrottle(database(client, f"portal_{uuid4().hex[:8]}"))
    yield made
    client.close()


def key(free: int = 2) -> Key:
    return Key(f"account:{uuid4().hex}", free)


async def retry_after(attempt: Callable[[], Awaitable[None]]) -> int:
    with pytest.raises(Problem) as problem:
        await attempt()
    assert (problem.value.status, problem.value.code) == (429, "too-many-attempts")
    return int(problem.value.headers["Retry-After"])


async def test_the_first_failures_are_free_and_then_the_wait_doubles(throttle: Throttle, moment: Any) -> None:
    mine = key()
    waits = []
    await throttle.attempt([mine])
    await throttle.attempt([mine])
    for _ in range(4):
        await throttle.attempt([mine])
        waits.append(await retry_after(lambda: throttle.attempt([mine])))
        moment.passes(seconds=waits[-1])
    assert waits == [1, 2, 4, 8]


async def test_an_attempt_that_has_to_wait_is_not_counted(throttle: Throttle, moment: Any) -> None:
    mine = key(free=0)
    await throttle.attempt([mine])
    for _ in range(20):
        assert await retry_after(lambda: throttle.attempt([mine])) == 1
    moment.passes(seconds=1)
    await throttle.attempt([mine])
    assert await retry_after(lambda: throttle.attempt([mine])) == 2


async def test_success_forgets_the_failures(throttle: Throttle, moment: Any) -> None:
    mine = key()
    for _ in range(3):
        await throttle.attempt([mine])
    await throttle.succeeded([mine])
    await throttle.attempt([mine])


async def test_one_key_does_not_slow_another_and_either_can_slow_both(throttle: Throttle, moment: Any) -> None:
    mine, other, address = key(0), key(0), key(0)
    await throttle.attempt([mine])
    await throttle.attempt([other, address])
    assert await retry_after(lambda: throttle.attempt([key(), address])) == 1


@pytest.mark.servers
async def test_preparing_twice_makes_one_index(servers: Servers) -> None:
    client = connect(servers.mongodb)
    db = database(client, f"portal_{uuid4().hex[:8]}")
    for _ in range(2):
        await MongoThrottle(db).prepare()
    found = await db["login_attempts"].index_information()
    assert [index["expireAfterSeconds"] for index in found.values() if "expireAfterSeconds" in index] == [0]
    client.close()


@pytest.mark.parametrize(("failures", "seconds"), [(5, 0), (6, 1), (7, 2), (15, 512), (16, 900), (10**6, 900)])
async def test_asvs_6_3_1_waits_grow_to_15_minutes(failures: int, seconds: int) -> None:
    assert wait_after(failures, account_key("x").free) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "address:203.0.113.5"),
        ({"x-forwarded-for": "1.1.1.1, 192.0.2.9"}, "address:192.0.2.9"),
        ({"x-forwarded-for": "192.0.2.9", "x-envoy-external-address": "192.0.2.10"}, "address:192.0.2.10"),
        ({"x-forwarded-for": "2001:db8:1:2:3:4:5:6"}, "address:2001:0db8:0001:0002"),
        ({"x-forwarded-for": "nonsense"}, "address:unknown"),
    ],
)
async def test_an_address_is_the_one_that_the_gateway_tells(headers: dict[str, str], name: str) -> None:
    raw = [(header.encode(), value.encode()) for header, value in headers.items()]
    request = Request({"type": "http", "headers": raw, "client": ("203.0.113.5", 5000)})
    assert address_key(request).name == name
