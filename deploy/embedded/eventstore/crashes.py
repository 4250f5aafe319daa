"""Places where a test can let the server die as by kill -9: `VETWIRE_CRASH_AT=place[:n]`, at the n-th time there.

Only a server started with `--allow-crashes` looks at the variable.
"""

import os
import signal
from collections.abc import Callable
from enum import Enum


class Place(Enum):
    """In the order in which a group of requests comes through them; the last one is on the way out."""

    BEFORE_BEGIN = "before_begin"
    BEFORE_COMMIT = "before_commit"
    AFTER_COMMIT_BEFORE_REPLY = "after_commit_before_reply"
    AMID_REPLIES = "amid_replies"
    BEFORE_CLOSE = "before_close"


Passing = Callable[[Place], None]
"""Told at every place; it may not return."""


def go_on(_: Place) -> None:
    """What a server does that nobody wants to see dead."""


class CrashAt:
    """Dies at the n-th time at a place."""

    def __init__(self, place: Place, times: int) -> None:
        self._place = place
        self._left = times

    def __call__(self, place: Place) -> None:
        if place is self._place:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def crash_at(words: str) -> Passing:
    """Read `place[:n]`; nothing asked for is `go_on`. Errors: ValueError for an unknown place or number."""
    if not words:
        return go_on
    place, _, times = words.partition(":")
    return CrashAt(Place(place), int(times or 1))
