"""Starts components in the order of their dependencies, keeps them running, and stops them in reverse."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from deploy.embedded.components import Component, in_waves
from deploy.embedded.display import Display
from deploy.embedded.logs import keep_capped
from deploy.embedded.process import Life
from deploy.embedded.state import ComponentState, Phase, SystemState, write_state


class Supervisor:
    """One run of a set of components under `root`. `run` returns after everything has been stopped."""

    def __init__(self, root: Path, components: Sequence[Component], display: Display) -> None:
        self._root = root
        self._display = display
        self._waves = in_waves(components)
        self.state = SystemState(components={each.name: ComponentState() for each in components})
        self._lives = {each.name: self._life(each) for each in components}
        self._is_ready = {each.name: asyncio.Event() for each in components}

    def _life(self, component: Component) -> Life:
        log = self._root / "logs" / f"{component.name}.log"
        return Life(component, log, self.state.components[component.name], self._changed)

    def _changed(self) -> None:
        write_state(self._root, self.state)
        self._display.show(self.state.components)

    def _enter(self, phase: Phase) -> None:
        self.state.phase = phase
        self._changed()

    async def run(self, stop: asyncio.Event, when_ready: Callable[[SystemState], None]) -> None:
        """Start all, call `when_ready`, then keep all running until `stop` is set.

        Raises StartFailed when a component cannot become ready; everything is stopped by then.
        """
        self._enter("starting")
        tasks = {asyncio.create_task(self._live(name), name=name) for name in self._lives}
        caps = asyncio.create_task(keep_capped(self._root))
        try:
            if await self._until(stop, tasks, self._all_ready()):
                when_ready(self.state)
                self._enter("ready")
                await self._until(stop, tasks, asyncio.Event().wait())
        except BaseException:
            await self._stop_all([*tasks, caps], "failed")
            raise
        await self._stop_all([*tasks, caps], "stopped")

    async def _live(self, name: str) -> None:
        life = self._lives[name]
        for dependency in life.component.after:
            await self._is_ready[dependency].wait()
        await life.start()
        self._is_ready[name].set()
        await life.watch()

    async def _all_ready(self) -> bool:
        await asyncio.gather(*(event.wait() for event in self._is_ready.values()))
        return True

    async def _until(
        self, stop: asyncio.Event, tasks: set[asyncio.Task[None]], goal: Coroutine[Any, Any, object]
    ) -> bool:
        """True when `goal` is reached, False when asked to stop; the error of a component passes through."""
        goal_task = asyncio.ensure_future(goal)
        stop_task = asyncio.ensure_future(stop.wait())
        try:
            running = {task for task in tasks if not task.done()}
            while not (goal_task.done() or stop_task.done()):
                done, _ = await asyncio.wait({goal_task, stop_task, *running}, return_when=asyncio.FIRST_COMPLETED)
                for task in done & running:
                    task.result()
                running -= done
            return goal_task.done()
        finally:
            goal_task.cancel()
            stop_task.cancel()

    async def _stop_all(self, tasks: list[asyncio.Task[None]], end: Phase) -> None:
        self._display.settle()
        self._enter("stopping")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for wave in reversed(self._waves):
            await asyncio.gather(*(self._lives[each.name].stop() for each in wave))
        self._enter(end)
