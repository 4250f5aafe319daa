"""`state.json`: what runs, for people, for tests that kill it, and for the next start that finds leftovers."""

import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

Phase = Literal["starting", "ready", "stopping", "stopped", "failed"]
Condition = Literal["waiting", "starting", "ready", "backing-off", "done", "stopping", "stopped", "failed"]

# Process creation times are floats made from clock ticks: equal for one process, apart for a recycled id.
SAME_PROCESS_WITHIN = 0.05


@dataclass(slots=True)
class ComponentState:
    """`pid` and `created` (seconds since the epoch) identify the running process; None when there is none."""

    state: Condition = "waiting"
    pid: int | None = None
    created: float | None = None
    port: int | None = None
    restarts: int = 0
    seconds_to_ready: float | None = None
    note: str = ""


@dataclass(slots=True)
class SystemState:
    pid: int = field(default_factory=os.getpid)
    created: float = field(default_factory=lambda: psutil.Process().create_time())
    phase: Phase = "starting"
    components: dict[str, ComponentState] = field(default_factory=dict)


def write_json(path: Path, content: Any) -> None:
    """In one step: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Empty when there is no such file."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return content if isinstance(content, dict) else {}


def write_state(root: Path, state: SystemState) -> None:
    write_json(root / "state.json", asdict(state))


def is_running(pid: int | None, created: float | None) -> bool:
    """Whether that very process lives, not another one that got its number."""
    try:
        return _is_same(pid, created) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_same(pid: int | None, created: float | None) -> bool:
    """Whether the number still belongs to that process, be it a zombie."""
    if pid is None or created is None:
        return False
    try:
        return abs(psutil.Process(pid).create_time() - created) < SAME_PROCESS_WITHIN
    except psutil.NoSuchProcess:
        return False


def end_leftovers(root: Path) -> list[str]:
    """Kill what an earlier supervisor of this root left behind; returns the names of the components it killed."""
    groups = _groups()
    ended = []
    for name, component in read_json(root / "state.json").get("components", {}).items():
        pid = component["pid"]
        if pid in groups and (pid not in groups[pid] or _is_same(pid, component["created"])):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            ended.append(name)
    return ended


def _groups() -> dict[int, set[int]]:
    """Process group -> its living members. A number stays taken while its group has members, also without a leader."""
    groups: dict[int, set[int]] = {}
    for process in psutil.process_iter(["status"]):
        if process.info["status"] != psutil.STATUS_ZOMBIE:
            with contextlib.suppress(ProcessLookupError):
                groups.setdefault(os.getpgid(process.pid), set()).add(process.pid)
    return groups


class AlreadyRunning(Exception):
    """Another supervisor holds this root."""


@contextlib.contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Hold the root's lock; the kernel lets go of it however this process ends."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(str(root)) from error
        yield


def is_locked(root: Path) -> bool:
    """Whether a supervisor runs here now."""
    if not (root / "lock").exists():
        return False
    try:
        with only_one(root):
            return False
    except AlreadyRunning:
        return True
