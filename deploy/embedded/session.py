"""One run in the foreground: lock the root, clear leftovers, run until a signal, end with a code and a sentence."""

import asyncio
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.embedded.components import Component
from deploy.embedded.display import Display, LiveDisplay, PlainDisplay
from deploy.embedded.process import StartFailed
from deploy.embedded.state import SystemState, end_leftovers, only_one
from deploy.embedded.supervisor import Supervisor

KEPT_BY_FRESH = frozenset({"lock", "supervisor.log"})


def display_for(stream_is_terminal: bool) -> Display:
    return LiveDisplay() if stream_is_terminal else PlainDisplay()


def wipe(root: Path) -> None:
    """Delete everything below the root but the lock that this run holds."""
    for path in root.iterdir():
        if path.name in KEPT_BY_FRESH:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


async def run_until_signal(
    root: Path, components: Sequence[Component], display: Display, when_ready: Callable[[SystemState], None]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    await Supervisor(root, components, display).run(stop, when_ready)


def run_session(
    root: Path,
    fresh: bool,
    plan: Callable[[Display], Sequence[Component]],
    when_ready: Callable[[SystemState, Display], None],
) -> int:
    """Exit code of the run. `plan` is called with the root locked and clean. Raises AlreadyRunning."""
    with only_one(root):
        left = end_leftovers(root)
        if fresh:
            wipe(root)
        (root / "endpoints.json").unlink(missing_ok=True)
        display = display_for(sys.stdout.isatty())
        try:
            if left:
                display.say(f"ended what an earlier run left behind: {', '.join(left)}")
            components = plan(display)
            asyncio.run(run_until_signal(root, components, display, lambda state: when_ready(state, display)))
        except StartFailed as failed:
            print(f"\nNOT READY: {failed}", file=sys.stderr, flush=True)
            return 1
        finally:
            display.settle()
            (root / "endpoints.json").unlink(missing_ok=True)
        display.say("stopped")
        return 0
