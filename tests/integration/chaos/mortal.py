"""Processes that die at a crash point: the worker of the toy service, the API of referral-svc, an operator's work."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx2

from shared.testing.embedded_stack import PROJECT
from shared.testing.running import wait_until

WITHIN = 90.0


class Mortal:
    """One process at a time of `python -m module`; `environment` holds its port, which successors keep."""

    def __init__(self, module: str, environment: Mapping[str, str], log: Path) -> None:
        self._command = [sys.executable, "-m", *module.split()]
        self._environment = environment
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._environment['VETWIRE_PORT']}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, dies_at: str = "") -> None:
        """`point[:n]`, or nothing. Returns at once."""
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command,
                cwd=PROJECT,
                env={**os.environ, **self._environment, "VETWIRE_CRASH_POINT": dies_at},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def until_ready(self) -> None:
        """TimeoutError if it is not ready in time, AssertionError with its log if it ends."""
        wait_until(lambda: self._answers("/readyz"), WITHIN, f"{self._command}, see {self.log}")

    def _answers(self, path: str) -> bool:
        assert self.is_alive, self.log.read_text()
        try:
            return httpx2.get(f"{self.url}{path}", timeout=2).status_code == 200
        except httpx2.TransportError:
            return False

    def ended(self) -> int:
        """The exit code, once there is one; minus the signal's number for one that was killed."""
        assert self._process is not None
        return self._process.wait(WITHIN)

    def dies(self) -> None:
        """Returns when it has died at its point, as by kill -9. AssertionError with its log when it ended otherwise."""
        code = self.ended()
        assert code == -signal.SIGKILL, f"ended with {code}:\n{self.log.read_text()[-4000:]}"

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self.ended()

    def end(self) -> None:
        """Whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
