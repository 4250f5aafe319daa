"""Real servers for tests: `--stack=embedded` (default), `--stack=env` (addresses), `--stack=containers`.

Fixtures, once per session: `servers` (event store, Kafka, MongoDB) and `system` (everything, behind its gateway).
A stack that cannot start skips its tests on a laptop and fails them where CI is set. The last lines of a run say
which servers it really had.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

from shared.testing.embedded_stack import embedded_servers, embedded_system
from shared.testing.running import RunningSystem, Servers, StackUnavailable

Stack = TypeVar("Stack", Servers, RunningSystem)
USED = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vetwire")
    group.addoption("--stack", choices=("embedded", "env", "containers"), default="embedded", help="real servers")
    group.addoption("--broker", default="kafka", help="broker of the embedded stack: kafka or noida")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[USED] = []


def pytest_report_header(config: pytest.Config) -> str:
    return f"vetwire: --stack={config.getoption('--stack')} --broker={config.getoption('--broker')}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    used: list[str] = config.stash[USED]
    terminalreporter.section("real servers of this run")
    for line in dict.fromkeys(used) or ["none: no test that ran asked for one"]:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Event store, Kafka and MongoDB, empty when they are embedded."""
    yield from provided(request.config, _start_servers(request.config, tmp_path_factory))


@pytest.fixture(scope="session")
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """The whole system with its sample clinics, on ports of its own."""
    yield from provided(request.config, _start_system(request.config, tmp_path_factory))


def _start_servers(config: pytest.Config, folders: pytest.TempPathFactory) -> Iterator[Servers]:
    match config.getoption("--stack"):
        case "env":
            from shared.testing.env_stack import env_servers

            yield env_servers(os.environ)
        case "containers":
            from shared.testing.container_stack import container_servers

            yield from container_servers()
        case _:
            yield from embedded_servers(folders.mktemp("servers"), _broker(config))


def _start_system(config: pytest.Config, folders: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    root: Path = folders.mktemp("system")
    match config.getoption("--stack"):
        case "env":
            from shared.testing.env_stack import env_system

            yield env_system(os.environ)
        case "containers":
            from shared.testing.container_stack import container_servers

            for given in container_servers():
                yield from embedded_system(root, _broker(config), given)
        case _:
            yield from embedded_system(root, _broker(config))


def _broker(config: pytest.Config) -> str:
    return str(config.getoption("--broker"))


def provided(config: pytest.Config, started: Iterator[Stack]) -> Iterator[Stack]:
    """Pass on what was started, note what it is, and end it afterwards."""
    first = _started(started)
    if isinstance(first, StackUnavailable):
        unavailable(str(first), explicit=config.getoption("--stack") != "embedded")
    config.stash[USED].extend(first.describe())
    yield first
    next(started, None)


def _started(started: Iterator[Stack]) -> Stack | StackUnavailable:
    try:
        return next(started)
    except StackUnavailable as reason:
        return reason


def unavailable(reason: str, explicit: bool = False) -> NoReturn:
    """Fail in CI, and for a stack that was asked for by name; skip otherwise."""
    if explicit or os.environ.get("CI"):
        pytest.fail(f"no real servers: {reason}", pytrace=False)
    pytest.skip(f"no real servers: {reason}")
