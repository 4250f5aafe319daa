"""`make down`: ask the supervisor to stop, end it if it does not, and end what an earlier crash left behind."""

import os
import signal
import time
from pathlib import Path

from deploy.embedded.state import end_leftovers, is_locked, is_running, read_json

STOPS_WITHIN = 60.0
LOOK_EVERY = 0.1


def down(root: Path, within: float = STOPS_WITHIN) -> int:
    """Exit code 0: afterwards nothing of this root runs. `within` seconds separate SIGTERM from SIGKILL."""
    state = read_json(root / "state.json")
    pid, created = state.get("pid"), state.get("created")
    if pid is not None and is_locked(root) and is_running(pid, created):
        os.kill(pid, signal.SIGTERM)
        if not _gone(pid, created, within):
            os.kill(pid, signal.SIGKILL)
            _gone(pid, created, 5)
        print("stopped")
    else:
        print(f"nothing is running under {root}")
    left = end_leftovers(root)
    if left:
        print(f"ended what was left behind: {', '.join(left)}")
    return 0


def _gone(pid: int, created: float | None, within: float) -> bool:
    end = time.monotonic() + within
    while is_running(pid, created):
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_EVERY)
    return True
