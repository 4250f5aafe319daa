"""Server-side filters of `$all`, and the count that decides when a subscription gets a checkpoint."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from time import thread_time

from deploy.embedded.eventstore.errors import InvalidRequestError
from deploy.embedded.eventstore.expressions import LONGEST_NAME, BadExpressionError, compile_bounded

Row = tuple[int, str, int, str, bytes]
"""A committed event: position, stream name, revision, type, encoded `ReadResp`."""

DEFAULT_WINDOW = 32
REMEMBERED_NAMES = 4096
REMEMBERED_FILTERS = 64
MOST_PREFIXES = 1024

ALLOWANCE_SECONDS = 0.25
ALLOWANCE_PER_NAME = 50e-6
"""Processor time a filter may use in all: so much once, and so much more with each name it judges."""


class BadFilterError(InvalidRequestError):
    """The filter cannot be used; the text says why."""


@dataclass(eq=False)
class Filter:
    """Chooses events by type or by stream name: by any of the prefixes, or by a regular expression.

    Compared by identity: `build_filter` gives the same object for the same words.
    """

    by_stream: bool
    test: Callable[[str], bool]
    known: dict[str, bool] = field(default_factory=dict)
    left: float = ALLOWANCE_SECONDS
    newest: tuple[int, int] = (0, 0)
    """How far all events were searched, and the newest that passes among them (0: none); both are positions."""

    def matches(self, row: Row) -> bool:
        """Errors: BadFilterError once the filter has proved too slow."""
        name = row[1] if self.by_stream else row[3]
        answer = self.known.get(name)
        return self._learn(name) if answer is None else answer

    def concerns(self, rows: Sequence[Row]) -> bool:
        """Whether its reader has to look at these; it will then be told if the filter is too slow."""
        try:
            return any(self.matches(row) for row in rows)
        except BadFilterError:
            return True

    def _learn(self, name: str) -> bool:
        if self.left < 0:
            raise BadFilterError("this filter takes too long: use prefixes, or a simpler regular expression")
        started = thread_time()
        answer = self.test(name[:LONGEST_NAME])
        self.left = min(ALLOWANCE_SECONDS, self.left + ALLOWANCE_PER_NAME + started - thread_time())
        if len(self.known) >= REMEMBERED_NAMES:
            self.known.clear()
        if len(name) <= LONGEST_NAME:
            self.known[name] = answer
        return answer


@lru_cache(maxsize=REMEMBERED_FILTERS)
def build_filter(by_stream: bool, regex: str, prefixes: tuple[str, ...]) -> Filter:
    """Errors: BadFilterError if there is nothing to match, or too much, or the expression is not usable."""
    if len(prefixes) > MOST_PREFIXES or any(len(prefix) > LONGEST_NAME for prefix in prefixes):
        raise BadFilterError(f"a filter has at most {MOST_PREFIXES} prefixes of {LONGEST_NAME} characters")
    if prefixes:
        return Filter(by_stream, lambda name: name.startswith(prefixes))
    if not regex:
        raise BadFilterError("a filter needs a regular expression or prefixes")
    try:
        pattern = compile_bounded(regex)
    except BadExpressionError as error:
        raise BadFilterError(str(error)) from error
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
