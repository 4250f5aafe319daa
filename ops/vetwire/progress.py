"""How far a long command is, on stderr, where scripts do not look for the answer."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TextIO

from shared.chassis.folding import FULL
from shared.chassis.rebuild import Progress

TERMINAL_SECONDS, FILE_SECONDS = 1.0, 10.0
"""How often a line is written: over the last one at a terminal, below it elsewhere."""


@dataclass
class Teller:
    """`tell` as often as you like: a line is written now and then, the first one after a while."""

    title: str
    out: TextIO = field(default_factory=lambda: sys.stderr)
    clock: Callable[[], float] = monotonic
    _what: str = ""
    _begun: float = 0.0
    _last: float = 0.0
    _wrote: bool = False

    def __post_init__(self) -> None:
        self._last = self.clock()

    def tell(self, what: str, done: int, share: float | None = None) -> None:
        """So many `what` (`documents`) are done, which is that share of all of them (0 to 1; None: not known)."""
        now = self.clock()
        if what != self._what:
            self._what, self._begun = what, now
        if self._is_due(now):
            self.say(f"{self.title}: {pace(what, done, share, now - self._begun)}")

    def rebuilt(self, now: Progress) -> None:
        """As `tell`, of a rebuild, which goes over its records several times if the documents are many."""
        if self._is_due(self.clock()):
            self.say(f"{self.title}: {line(now)}")

    def say(self, text: str) -> None:
        """At once."""
        self._last, self._wrote = self.clock(), True
        end = "" if self.out.isatty() else "\n"
        begin = "\r\x1b[2K" if self.out.isatty() else ""
        print(f"{begin}vetwire: {text}", end=end, file=self.out, flush=True)

    def end(self) -> None:
        """Take the last line away: the answer comes now."""
        if self._wrote and self.out.isatty():
            print("\r\x1b[2K", end="", file=self.out, flush=True)

    def _is_due(self, now: float) -> bool:
        return now - self._last >= (TERMINAL_SECONDS if self.out.isatty() else FILE_SECONDS)


@contextmanager
def telling(title: str) -> Iterator[Teller]:
    """Around a long piece of work."""
    teller = Teller(title)
    try:
        yield teller
    finally:
        teller.end()


def pace(what: str, done: int, share: float | None, seconds: float) -> str:
    """`120,000 events, 30,000/s, 40 %, 6 s left`."""
    rate = done / seconds if seconds > 0 else 0.0
    text = f"{done:,} {what}, {rate:,.0f}/s" if rate >= 10 else f"{done:,} {what}, {rate:.1f}/s"
    if share is None or share <= 0:
        return text
    whole = min(1.0, share)
    return f"{text}, {100 * whole:.0f} %, {spell(seconds * (1 - whole) / whole)} left"


def line(now: Progress) -> str:
    """`kafka: 120,000 records, 30,000/s, 3,000 documents, pass 1, 4 s left`."""
    rate = now.read / now.seconds if now.seconds else 0.0
    text = f"{now.source}: {now.read:,} records, {rate:,.0f}/s, {now.documents:,} documents, pass {now.passes}"
    if not now.total or not rate:
        return text
    passes = max(1.0, (now.passes - 1) * FULL / now.done) if now.done else 1.0
    return f"{text}, {spell(max(0.0, passes * now.total - now.read) / rate)} left"


def spell(seconds: float) -> str:
    """`42 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
