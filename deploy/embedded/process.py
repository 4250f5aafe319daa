"""One component's life: start, wait until ready, watch, restart with back-off, stop within a bound."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from deploy.embedded.components import Component
from deploy.embedded.logs import tail
from deploy.embedded.options import PROJECT
from deploy.embedded.parent import die_with
from deploy.embedded.probes import until_it_passes
from deploy.embedded.state import ComponentState, Condition

FIRST_DELAY, LONGEST_DELAY = 0.2, 10.0  # seconds before a restart
STEADY_AFTER = 30.0  # seconds of life after which the next crash counts as the first again
STARTS_BEFORE_READY = 3
# Where this is set, each of a dozen processes compiles every module anew at each start: 40 s instead of 11.
COMPILE_ONCE = {"PYTHONDONTWRITEBYTECODE": ""}
ALIVE_EVERY, ALIVE_FAILURES = 5.0, 6


class StartFailed(Exception):
    """A component cannot become ready; the text says why and ends with its last log lines."""


def back_off(crashes: int) -> float:
    """Seconds to wait before the start that follows the nth crash in a row (n from 1)."""
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(crashes - 1, 16))


class Life:
    """Runs one component and keeps its `state` true. `changed` is called after every change."""

    def __init__(self, component: Component, log: Path, state: ComponentState, changed: Callable[[], None]) -> None:
        self.component = component
        self.log = log
        self.state = state
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._crashes = 0

    def move(self, to: Condition, note: str = "") -> None:
        self.state.state, self.state.note = to, note
        self._changed()

    async def start(self) -> None:
        """Return when ready (a job: when it has ended well). Raises StartFailed."""
        began = time.monotonic()
        for attempt in range(1, STARTS_BEFORE_READY + 1):
            await self._spawn()
            problem = await self._problem_until_ready()
            if problem is None:
                self.state.seconds_to_ready = round(time.monotonic() - began, 2)
                return self._arrive()
            if self.component.job or self._process_lives() or attempt == STARTS_BEFORE_READY:
                return self._give_up(problem)
            self.move("backing-off", problem)
            await asyncio.sleep(back_off(attempt))
        return None

    def _arrive(self) -> None:
        if self.component.job:
            self.state.pid = None
        self.move("done" if self.component.job else "ready")

    def _give_up(self, problem: str) -> None:
        self.move("failed", problem)
        last = tail(self.log)
        raise StartFailed(f"{self.component.name} {problem}\nlast lines of {self.log}:\n{last}")

    def _process_lives(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def _spawn(self) -> None:
        """A group of its own, so that Ctrl-C reaches the supervisor alone and a group can be killed whole."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.component.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=PROJECT,
                env={**os.environ, **COMPILE_ONCE, **self.component.env},
                start_new_session=True,
                preexec_fn=die_with(os.getpid()),
            )
        self.state.pid = self._process.pid
        with contextlib.suppress(psutil.NoSuchProcess):
            self.state.created = psutil.Process(self._process.pid).create_time()
        self.state.port = self.component.port
        self.move("starting")

    async def _problem_until_ready(self) -> str | None:
        """None once it is ready, else what went wrong."""
        assert self._process is not None
        ended = asyncio.ensure_future(self._process.wait())
        probing = asyncio.ensure_future(self._ready())
        try:
            timeout = self.component.start_timeout
            await asyncio.wait({ended, probing}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if ended.done() and not (self.component.job and ended.result() == 0):
                return _how_it_ended(ended.result())
            return None if ended.done() or probing.done() else f"is not ready after {timeout:.0f} s"
        finally:
            ended.cancel()
            probing.cancel()

    async def _ready(self) -> None:
        if self.component.job:
            await asyncio.Event().wait()
        if self.component.ready is not None:
            await until_it_passes(self.component.ready)

    async def watch(self) -> None:
        """Restart it whenever it ends; never returns."""
        while not self.component.job:
            began = time.monotonic()
            code = await self._until_it_ends()
            self._crashes = 1 if time.monotonic() - began > STEADY_AFTER else self._crashes + 1
            await self._revive(_how_it_ended(code))

    async def _until_it_ends(self) -> int:
        assert self._process is not None
        guard = asyncio.ensure_future(self._kill_when_dead())
        try:
            return await self._process.wait()
        finally:
            guard.cancel()

    async def _kill_when_dead(self) -> None:
        """A process that lives but no longer answers is killed, and so restarted."""
        failures = 0
        while self.component.alive is not None and failures < ALIVE_FAILURES:
            await asyncio.sleep(ALIVE_EVERY)
            failures = 0 if await self._answers() else failures + 1
        if self.component.alive is not None:
            self.move("starting", "does not answer, is killed")
            self._signal(signal.SIGKILL)

    async def _answers(self) -> bool:
        assert self.component.alive is not None
        try:
            await self.component.alive()
        except OSError:
            return False
        return True

    async def _revive(self, problem: str) -> None:
        while True:
            delay = back_off(self._crashes)
            self.state.pid = None
            self.move("backing-off", f"{problem}, again in {delay:.1f} s")
            self._signal(signal.SIGKILL)  # what is left of its group
            await asyncio.sleep(delay)
            self.state.restarts += 1
            await self._spawn()
            again = await self._problem_until_ready()
            if again is None:
                return self.move("ready")
            problem = again
            self._crashes += 1
            await self._end_now()

    async def _end_now(self) -> None:
        self._signal(signal.SIGKILL)
        if self._process is not None:
            await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after the component's bound; its whole group is gone afterwards."""
        if self._process_lives():
            assert self._process is not None
            self.move("stopping")
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), self.component.stop_timeout)
        await self._end_now()
        self.state.pid = None
        if self.state.state not in ("failed", "done"):
            self.move("stopped")


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
