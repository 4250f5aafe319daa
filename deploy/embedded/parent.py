"""Processes that end with their parent, however the parent went: the kernel signals them (Linux only)."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> Callable[[], None]:
    """A `preexec_fn`, called in the child between fork and exec, for a child of the process `parent`."""
    if sys.platform != "linux":
        return lambda: None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it went before the question was asked
            os._exit(1)

    return ask


def stop_with_parent() -> None:
    """This very process gets SIGTERM, and so can stop its children in order."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
