"""kill -9 under load: what was acknowledged is there, once; what was not is there once or not at all."""

import random
import signal
from pathlib import Path
from time import sleep

import pytest

from deploy.embedded.eventstore.crashes import Place, crash_at
from deploy.embedded.eventstore.tests.load import History, check, load, stored_events
from deploy.embedded.eventstore.tests.running import running
from deploy.embedded.eventstore.verify import verify_data

pytestmark = [pytest.mark.servers, pytest.mark.chaos]

ROUNDS = 3
KILLED = -signal.SIGKILL


def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    history = History()
    for round_number in range(ROUNDS):
        before = len(history.acknowledged)
        with running(tmp_path) as server, load(server, history, round_number):
            sleep(moments.uniform(0.3, 1.0))
            server.signal(signal.SIGKILL)
        assert len(history.acknowledged) > before, "the server was killed before it wrote anything"
    assert verify_data(tmp_path).broken is None
    check(history, stored_events(tmp_path))


@pytest.mark.parametrize("place", [place for place in Place if place is not Place.BEFORE_CLOSE])
def test_dying_at_a_place_in_the_writer_loses_nothing_acknowledged(place: Place, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    history = History()
    for round_number, times in enumerate((random.Random(seed).randint(2, 40), 2)):
        with running(tmp_path, crash_at=f"{place.value}:{times}") as server, load(server, history, round_number):
            assert server.process.wait(20) == KILLED
    assert verify_data(tmp_path).broken is None
    check(history, stored_events(tmp_path))


def test_dying_while_it_stops_loses_nothing_acknowledged(tmp_path: Path) -> None:
    history = History()
    with running(tmp_path, crash_at=Place.BEFORE_CLOSE.value) as server, load(server, history, 0):
        sleep(0.3)
        assert server.signal(signal.SIGTERM) == KILLED
    assert history.acknowledged
    check(history, stored_events(tmp_path))


def test_dying_before_the_first_commit_of_all_leaves_a_database_that_starts(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="did not start"), running(tmp_path, crash_at="before_commit"):
        raise AssertionError("it came up")
    assert stored_events(tmp_path) == []


def test_a_server_that_was_not_told_to_heed_it_ignores_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VETWIRE_CRASH_AT", "before_commit")
    assert stored_events(tmp_path) == []


@pytest.mark.parametrize("words", ["nowhere", "before_commit:often"])
def test_an_unknown_place_is_told(words: str) -> None:
    with pytest.raises(ValueError, match=r"nowhere|often"):
        crash_at(words)
