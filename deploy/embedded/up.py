"""`make up`: run the system in the foreground, or start it in the background and return when it is ready."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.embedded.components import Component
from deploy.embedded.display import Display
from deploy.embedded.endpoints import summary, write_endpoints
from deploy.embedded.options import PROJECT, Options
from deploy.embedded.ports import PortTaken
from deploy.embedded.session import run_session
from deploy.embedded.state import AlreadyRunning, SystemState, is_locked, read_json
from deploy.embedded.system import System, plan_system

READY_WITHIN = 600.0
LOOK_EVERY = 0.1


def up(options: Options) -> int:
    """Exit code: 0 when it ran, runs already, or (detached) is ready; 1 with a sentence otherwise."""
    if is_locked(options.root):
        return _already_up(options)
    try:
        return _detached(options) if options.detach else _foreground(options)
    except PortTaken as taken:
        print(f"{taken}; free it or choose another", file=sys.stderr)
    except AlreadyRunning:
        return _already_up(options)
    return 1


def _foreground(options: Options) -> int:
    planned: list[System] = []

    def plan(display: Display) -> list[Component]:
        display.say(f"starting Vetwire under {options.root}")
        planned.append(plan_system(options))
        return planned[0].components()

    def when_ready(state: SystemState, display: Display) -> None:
        write_endpoints(options.root, planned[0].endpoints(state))
        display.settle()
        display.say(f"ready\n{summary(read_json(options.root / 'endpoints.json'))}")

    return run_session(options.root, options.fresh, plan, when_ready)


def _already_up(options: Options) -> int:
    if options.fresh:
        print(f"Vetwire is running under {options.root}: stop it first (make down)", file=sys.stderr)
        return 1
    print(f"Vetwire is running already under {options.root}", flush=True)
    if not _phase_becomes_ready(options.root):
        print("but it is not ready; its log says why: " + str(options.root / "logs"), file=sys.stderr)
        return 1
    print(summary(read_json(options.root / "endpoints.json")))
    return 0


def _phase_becomes_ready(root: Path) -> bool:
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end and is_locked(root):
        if read_json(root / "state.json").get("phase") == "ready":
            return True
        time.sleep(LOOK_EVERY)
    return False


def _detached(options: Options) -> int:
    """A session of its own, so that it outlives the terminal; its lines are shown until it is ready."""
    options.root.mkdir(parents=True, exist_ok=True)
    log = options.root / "supervisor.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "deploy.embedded", *(each for each in sys.argv[1:] if each != "--detach")],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=PROJECT,
            env={**os.environ, "DETACH": ""},
        )
    try:
        return _follow(options.root, log, child)
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        return 130


def _follow(root: Path, log: Path, child: subprocess.Popen[bytes]) -> int:
    with log.open(errors="replace") as lines:
        while not (ready := _is_ready(root, child.pid)) and child.poll() is None:
            _pass_on(lines)
            time.sleep(LOOK_EVERY)
        _pass_on(lines)
    if ready:
        print("running in the background; make down stops it")
        return 0
    return child.wait() or 1


def _pass_on(lines: Iterator[str]) -> None:
    for line in lines:
        print(line, end="", flush=True)


def _is_ready(root: Path, pid: int) -> bool:
    state = read_json(root / "state.json")
    return state.get("pid") == pid and state.get("phase") == "ready"
