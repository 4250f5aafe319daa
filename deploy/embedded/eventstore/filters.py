"""Server-side filters of `$all`, and the count that decides when a subscription gets a checkpoint."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

Row = tuple[int, str, int, str, bytes]
"""A committed event: position, stream name, revision, type, encoded `ReadResp`."""

DEFAULT_WINDOW = 32
REMEMBERED_NAMES = 8192


class BadFilterError(ValueError):
    """The filter cannot be used; the text says why."""


@dataclass(frozen=True, eq=False)
class Filter:
    """Chooses events by type or by stream name: by any of the prefixes, or by a regular expression.

    Compared by identity: `build_filter` gives the same object for the same words.
    """

    by_stream: bool
    test: Callable[[str], bool]
    known: dict[str, bool] = field(default_factory=dict)

    def matches(self, row: Row) -> bool:
        name = row[1] if self.by_stream else row[3]
        answer = self.known.get(name)
        return self._learn(name) if answer is None else answer

    def _learn(self, name: str) -> bool:
        if len(self.known) >= REMEMBERED_NAMES:
            self.known.clear()
        answer = self.known[name] = self.test(name)
        return answer


@lru_cache(maxsize=256)
def build_filter(by_stream: bool, regex: str, prefixes: tuple[str, ...]) -> Filter:
    """Errors: BadFilterError if the expression does not compile, or if there is nothing to match."""
    if prefixes:
        return Filter(by_stream, lambda name: name.startswith(prefixes))
    if not regex:
        raise BadFilterError("a filter needs a regular expression or prefixes")
    try:
        pattern = re.compile(regex)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadFilterError(f"invalid regular expression: {error}") from error
    # Search, not fullmatch: clients send `^a|b$`, which binds as `(^a)|(b$)`.
    return Filter(by_stream, lambda name: pattern.search(name) is not None)


class CheckpointCounter:
    """Counts considered events, matching or not. A checkpoint never repeats and never goes back."""

    def __init__(self, interval: int, start: int) -> None:
        self._interval = interval
        self._count = 0
        self._last_sent = start
        self._considered = start

    @property
    def remaining(self) -> int:
        """How many more events until a checkpoint is due."""
        return self._interval - self._count

    def consider(self, position: int) -> bool:
        """Count the event at `position`; true when a checkpoint at this position is due."""
        self._considered = position
        self._count += 1
        return self._count >= self._interval and self._send()

    def catch_up(self) -> int | None:
        """The position of the checkpoint that ends a catch-up, if it says anything new."""
        return self._considered if self._considered > self._last_sent and self._send() else None

    def _send(self) -> bool:
        self._last_sent = self._considered
        self._count = 0
        return True
