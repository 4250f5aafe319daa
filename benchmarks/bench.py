"""Where a row runs: the servers or the system that it needs, its size, and processes of its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from shared.chassis.settings import ChassisSettings
from shared.testing.embedded_stack import PROJECT
from shared.testing.running import RunningSystem, Servers

STOPPED_WITHIN = 30.0


class BenchSettings(ChassisSettings):
    service = "bench"


@dataclass(frozen=True)
class Bench:
    """What a row is given. `folder` is empty and its own; `registry` is a city's register of pets, if there is one."""

    rounds: int
    quick: bool
    folder: Path
    registry: Path | None = None
    given_servers: Servers | None = None
    given_system: RunningSystem | None = None

    @property
    def servers(self) -> Servers:
        """Event store, Kafka and MongoDB, for rows that said NEEDS = "servers"."""
        assert self.given_servers is not None
        return self.given_servers

    @property
    def system(self) -> RunningSystem:
        """Everything behind its gateway, for rows that said NEEDS = "system"."""
        assert self.given_system is not None
        return self.given_system

    def sized(self, full: int, quick: int) -> int:
        """How much of something."""
        return quick if self.quick else full

    def settings(self) -> BenchSettings:
        """Of a process that is no service's: its database is `bench`."""
        at = self.servers
        return BenchSettings(eventstore=SecretStr(at.eventstore), kafka=at.kafka, mongodb=SecretStr(at.mongodb))

    def environment(self, port: int = 0) -> dict[str, str]:
        """For a process on those servers."""
        return {
            "VETWIRE_EVENTSTORE": self.servers.eventstore,
            "VETWIRE_KAFKA": self.servers.kafka,
            "VETWIRE_MONGODB": self.servers.mongodb,
            "VETWIRE_PORT": str(port),
            "VETWIRE_LOG_LEVEL": "ERROR",
        }


@contextmanager
def process(module: str, *arguments: str, env: Mapping[str, str] | None = None) -> Iterator["subprocess.Popen[str]"]:
    """`python -m module arguments`, its standard output a pipe; ended with the block."""
    command = [sys.executable, "-m", module, *arguments]
    surroundings = {**os.environ, **(env or {})}
    with subprocess.Popen(command, cwd=PROJECT, env=surroundings, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            _end(started)


def first_line(started: "subprocess.Popen[str]") -> str:
    """What a process says when it is ready."""
    assert started.stdout is not None
    line = started.stdout.readline().strip()
    assert line, f"{started.args!r} ended without a word"
    return line


def _end(started: "subprocess.Popen[str]") -> None:
    started.terminate()
    try:
        started.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        started.kill()


async def until(ask: Callable[[], Awaitable[bool]], within: float = 90.0, every: float = 0.005) -> None:
    """Ask again and again. TimeoutError."""
    async with asyncio.timeout(within):
        while True:
            if await ask():
                return
            await asyncio.sleep(every)
