"""The only place that reads the clock, makes ids and draws random tokens (design 3.1: they arrive in the command)."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4


def _wall_clock() -> datetime:
    moment = datetime.now(UTC)
    # BSON keeps milliseconds: what is stored and read back must equal what was decided.
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _random_id() -> str:
    return uuid4().hex


@dataclass(frozen=True)
class Clock:
    """What `now` and `new_id` answer with; tests swap it with `use_clock`."""

    now: Callable[[], datetime] = _wall_clock
    new_id: Callable[[], str] = _random_id


_SYSTEM_CLOCK = Clock()
_CLOCK: ContextVar[Clock] = ContextVar("vetwire_clock", default=_SYSTEM_CLOCK)


def now() -> datetime:
    """The present moment, aware, in UTC, whole milliseconds."""
    return _CLOCK.get().now().astimezone(UTC)


def new_id() -> str:
    """A new id: 32 lower-case hex digits (a random UUID without dashes, for stream names allow no dash in places)."""
    return _CLOCK.get().new_id()


def random_token(size: int = 32) -> str:
    """`size` bytes from the operating system's generator, URL-safe base64 without padding."""
    return secrets.token_urlsafe(size)


@contextmanager
def use_clock(clock: Clock) -> Iterator[Clock]:
    """For tests and simulations: everything inside this context, and tasks started in it, uses `clock`."""
    token = _CLOCK.set(clock)
    try:
        yield clock
    finally:
        _CLOCK.reset(token)


def frozen_at(moment: datetime) -> Clock:
    """A clock that stands still at `moment` (aware)."""
    return Clock(now=lambda: moment)
