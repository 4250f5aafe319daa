"""Which version may be switched to, and which may go."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.chassis.clock import Clock, use_clock
from shared.chassis.switching import NotPossible, back_target, drop_target, switch_target
from shared.chassis.versions import Control, Version, initial
from shared.testing.clocks import NOON

READY = Control(
    "pets",
    1,
    {1: Version(1, "pets"), 2: Version(2, "pets.v2"), 3: Version(3, "pets.v3"), 4: Version(4, "x", "building")},
)
SWITCHED = replace(READY, active=3, previous=1, switched_at=NOON)


@pytest.fixture(autouse=True)
def five_past_noon() -> Iterator[None]:
    with use_clock(Clock(now=lambda: NOON + timedelta(minutes=5))):
        yield


def test_a_switch_goes_to_the_newest_ready_version_or_to_the_one_that_is_named() -> None:
    assert switch_target(READY).number == 3
    assert switch_target(READY, 2).number == 2


@pytest.mark.parametrize("number", [1, 4, 9])
def test_no_switch_to_the_active_an_unfinished_or_an_unknown_version(number: int) -> None:
    with pytest.raises(NotPossible, match="no ready version"):
        switch_target(READY, number)


def test_back_goes_to_the_version_before_the_last_switch() -> None:
    assert back_target(SWITCHED).number == 1
    with pytest.raises(NotPossible, match="never switched"):
        back_target(initial("pets"))


def test_the_active_version_and_the_one_that_was_just_left_stay() -> None:
    for number in (3, 1, 9):
        with pytest.raises(NotPossible):
            drop_target(SWITCHED, number)
    assert drop_target(SWITCHED, 1, at_once=True).number == 1
    assert drop_target(SWITCHED, 2).number == 2
    assert drop_target(replace(SWITCHED, switched_at=NOON - timedelta(minutes=20)), 1).number == 1
