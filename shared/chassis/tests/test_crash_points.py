import os
import signal
from collections.abc import Iterator

import pytest

from shared.chassis import crash_points
from shared.chassis.crash_points import Point, arm, passing
from shared.chassis.settings import ChassisSettings


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int]]]:
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: found.append((pid, number)))
    yield found
    arm("", "development")


def test_nobody_dies_who_was_not_armed(deaths: list[tuple[int, int]]) -> None:
    arm("", "production")
    for point in Point:
        passing(point)
    assert deaths == []
    assert crash_points._armed is None


def test_a_process_dies_at_the_nth_time_at_its_point_only(deaths: list[tuple[int, int]]) -> None:
    arm("after_decide:2", "development")
    passing(Point.AFTER_DECIDE)
    passing(Point.AFTER_LOAD)
    assert deaths == []
    passing(Point.AFTER_DECIDE)
    assert deaths == [(os.getpid(), signal.SIGKILL)]


@pytest.mark.parametrize("words", ["nowhere", "after_load:soon", ":1"])
def test_a_point_that_is_none_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r"valid|invalid"):
        arm(words, "development")


def test_production_is_never_armed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="development"):
        arm("after_load", "production")
    monkeypatch.setenv("VETWIRE_CRASH_POINT", "after_load:3")
    settings = ChassisSettings()
    assert settings.crash_point == "after_load:3"
    assert "VETWIRE_CRASH_POINT lets the process die" in settings.violations()
