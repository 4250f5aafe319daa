"""Start and end real server processes for tests."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import IO

ROOT = Path(__file__).parents[4]
START_SECONDS = 20


@dataclass
class RunningServer:
    process: subprocess.Popen[str]
    address: str

    @property
    def uri(self) -> str:
        return f"esdb://{self.address}?tls=false"

    def signal(self, number: signal.Signals) -> int:
        """Send it and wait for the end of the process; gives the exit code."""
        os.kill(self.process.pid, number)
        return self.process.wait(timeout=START_SECONDS)


def command(data: Path, port: int = 0) -> list[str]:
    return [sys.executable, "-m", "deploy.embedded.eventstore", "--port", str(port), "--data", str(data)]


@contextmanager
def running(data: Path, crash_at: str = "", log: IO[str] | None = None) -> Iterator[RunningServer]:
    words, environment = command(data), None
    if crash_at:
        words, environment = [*words, "--allow-crashes"], {**os.environ, "VETWIRE_CRASH_AT": crash_at}
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process:
        assert process.stdout is not None
        watchdog = Timer(START_SECONDS, process.kill)
        watchdog.start()
        ready = process.stdout.readline()
        watchdog.cancel()
        try:
            assert "ready on" in ready, f"the server did not start: {ready!r}"
            yield RunningServer(process, ready.split()[-1])
        finally:
            process.kill()
