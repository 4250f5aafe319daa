"""A server for tests that misbehave; each of them ends with a look at whether it still serves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.eventstore.tests.hostile import answer_seconds, opened
from deploy.embedded.eventstore.tests.running import RunningServer, running


@pytest.fixture(scope="session")
def hostile_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "stderr"


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory, hostile_log: Path) -> Iterator[RunningServer]:
    with hostile_log.open("w") as errors, running(tmp_path_factory.mktemp("data"), log=errors) as started:
        yield started


@pytest.fixture(scope="session")
def channel(attacked: RunningServer) -> Iterator[Any]:
    """One for many calls: the client now and then takes seconds to close a channel after a huge message."""
    with opened(attacked) as found:
        yield found


@pytest.fixture
def serves_on(attacked: RunningServer, hostile_log: Path) -> Iterator[None]:
    """Whatever a test sent: afterwards the server serves, and nothing surprised it."""
    yield
    assert 0 <= answer_seconds(attacked) < 6
    assert hostile_log.read_text() == ""
