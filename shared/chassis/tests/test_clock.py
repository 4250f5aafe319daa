import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.chassis.clock import Clock, frozen_at, new_id, now, random_token, use_clock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_the_present_is_aware_and_in_utc() -> None:
    assert now().utcoffset() == timedelta(0)


def test_a_clock_of_another_zone_still_answers_in_utc() -> None:
    berlin = datetime(2026, 11, 22, 13, tzinfo=timezone(timedelta(hours=1)))
    with use_clock(frozen_at(berlin)):
        assert now() == NOON
        assert now().tzinfo is UTC


def test_a_clock_is_in_use_only_inside_its_context() -> None:
    with use_clock(frozen_at(NOON)):
        assert now() == NOON
    assert now() != NOON


@pytest.mark.anyio
async def test_tasks_started_inside_use_the_same_clock() -> None:
    async def read() -> datetime:
        return now()

    with use_clock(frozen_at(NOON)):
        task = asyncio.create_task(read())
    assert await task == NOON


def test_ids_are_32_hex_digits_and_differ() -> None:
    first, second = new_id(), new_id()
    assert first != second
    assert len(first) == 32
    assert int(first, 16) >= 0


def test_ids_can_be_foreseen_in_a_simulation() -> None:
    with use_clock(Clock(new_id=lambda: "id-1")):
        assert new_id() == "id-1"


def test_random_tokens_carry_256_bits_and_fit_into_a_url() -> None:
    token = random_token()
    assert len(token) == 43
    assert token.replace("-", "").replace("_", "").isalnum()
    assert token != random_token()
