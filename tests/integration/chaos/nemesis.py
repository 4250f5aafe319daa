"""Who harms the system: processes are killed, or stand still for a while, when chance says so."""

import asyncio
import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from shared.testing.running import RunningSystem

SPREAD_SECONDS = 2.5
_PAUSES = (0.3, 1.0, 2.0, 7.0)
_WEIGHTS = (4, 3, 2, 1)


@dataclass(frozen=True, slots=True)
class Strike:
    """`pause` is 0 for a kill, else for how many seconds the process stands still."""

    at: float
    victim: str
    pause: float = 0.0

    def __str__(self) -> str:
        return f"{self.victim} {'killed' if not self.pause else f'stopped for {self.pause} s'} at {self.at:.2f}"


def strikes(chance: Random, components: list[str]) -> list[Strike]:
    """One to four of them, mostly kills; several may fall on one moment and on one process."""
    return [_strike(chance, components) for _ in range(chance.choices((1, 2, 3, 4), (3, 3, 2, 1))[0])]


def _strike(chance: Random, components: list[str]) -> Strike:
    at, victim = chance.uniform(0, SPREAD_SECONDS), chance.choice(components)
    return Strike(at, victim, chance.choices(_PAUSES, _WEIGHTS)[0] if chance.random() < 0.25 else 0.0)


class Nemesis:
    """Carries strikes out on a running system. A process that is down already is left alone."""

    def __init__(self, system: RunningSystem) -> None:
        self._system = system

    def components(self) -> list[str]:
        """Every process but those that do one job and end."""
        return sorted(name for name, known in self._components().items() if known["state"] != "done")

    def _components(self) -> dict[str, dict[str, object]]:
        assert self._system.root is not None
        found: dict[str, dict[str, object]] = json.loads((self._system.root / "state.json").read_text())["components"]
        return found

    async def strike_all(self, planned: list[Strike]) -> None:
        """Returns when the last one is over."""
        await asyncio.gather(*(self._carry_out(strike) for strike in planned))

    async def _carry_out(self, strike: Strike) -> None:
        await asyncio.sleep(strike.at)
        pid = self._components()[strike.victim]["pid"]
        if not isinstance(pid, int):
            return
        with suppress(ProcessLookupError):
            if not strike.pause:
                os.kill(pid, signal.SIGKILL)
                return
            os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(strike.pause)
            finally:
                os.kill(pid, signal.SIGCONT)

    async def recovered(self, within: float = 120.0) -> None:
        """Until every process is ready again. TimeoutError with those that are not."""
        until = asyncio.get_running_loop().time() + within
        while away := [name for name, known in self._components().items() if known["state"] not in ("ready", "done")]:
            if asyncio.get_running_loop().time() > until:
                raise TimeoutError(f"not back within {within:.0f} s: {away}")
            await asyncio.sleep(0.05)
