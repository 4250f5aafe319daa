"""What a stream's state or a view's document was as of a revision, a position or a time: folded from the event store.

Nothing is kept for it. Personal fields read as they can be decrypted today, so that an erased person stays erased in
the past as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any, Generic, TypeVar

from shared.chassis.codec import Codec, Undecodable
from shared.chassis.documents import AnyProjection
from shared.chassis.event_store import EventStore
from shared.events.base import Event
from shared.events.envelope import Metadata, Recorded, StoredEvent
from shared.kernel.decider import Decider

T = TypeVar("T")


class CannotFold(Exception):
    """An event in the way could not be read or folded; the text says which and why, without its content."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Up to and with a stream revision, a commit position in `$all`, or an aware time; one of them, or none: now.

    Times are those of `recorded_at`: the moment is just before the stream's first event that was recorded later.
    ValueError if it is told in two ways, or the time has no zone.
    """

    revision: int | None = None
    position: int | None = None
    time: datetime | None = None

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.revision, self.position, self.time)) > 1:
            raise ValueError("a moment is a revision, a position or a time, and not two of them")
        if self.time is not None and self.time.tzinfo is None:
            raise ValueError("the time needs a zone")

    def is_before(self, past: "_Past") -> bool:
        """Whether the event came later."""
        return (
            (self.revision is not None and past.stored.revision > self.revision)
            or (self.position is not None and past.stored.position > self.position)
            or (self.time is not None and past.recorded_at > self.time)
        )


NOW = Moment()


@dataclass(frozen=True, slots=True)
class AsOf(Generic[T]):
    """What it was, and the newest event in it: its revision in the stream, position and time (UTC)."""

    value: T
    revision: int
    position: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class _Past:
    """An event of the history; `event` is None for a type that this version does not know."""

    stored: StoredEvent
    event: Event | None
    recorded_at: datetime


async def state_as_of(
    store: EventStore, decider: Decider[Any, Any, T], stream: str, moment: Moment = NOW, codec: Codec | None = None
) -> AsOf[T] | None:
    """The write side's state of a stream; None if it did not exist yet.

    `codec` reads in place of the store's own: one without keys hides personal data. CannotFold if history cannot be
    read whole, unknown types included; the store's infrastructure errors.
    """
    history = await _history(store, stream, moment, codec)
    state = decider.initial
    for past in history:
        if past.event is None:
            raise CannotFold(f"{_named(past)} is of a newer version")
        state = _folded(decider.evolve, state, past)
    return _as_of(state, history[-1]) if history else None


async def document_as_of(
    store: EventStore, projection: AnyProjection, key: str, moment: Moment = NOW, codec: Codec | None = None
) -> AsOf[Any] | None:
    """A view's document by its key `<clinic>.<local id>`; None if there was none. As `state_as_of` otherwise.

    Events that the view does not handle, and those of types unknown to this version, change nothing, as in the view.
    """
    history = await _history(store, f"{projection.category}-{key}", moment, codec)
    view = None
    for past in history:
        if isinstance(past.event, projection.handles):
            view = _folded(projection.evolve, view, past)
    return None if view is None else _as_of(view, history[-1])


async def _history(store: EventStore, stream: str, moment: Moment, codec: Codec | None) -> list[_Past]:
    limit = None if moment.revision is None else moment.revision + 1
    stored = [] if limit is not None and limit <= 0 else await store.read_stored(stream, limit=limit)
    decoded = await (codec or store.codec).decode(stored)
    return list(takewhile(lambda past: not moment.is_before(past), map(_past, stored, decoded)))


def _past(stored: StoredEvent, decoded: Recorded | Undecodable | None) -> _Past:
    if isinstance(decoded, Undecodable):
        raise CannotFold(str(decoded)) from decoded
    if decoded is None:
        return _Past(stored, None, Metadata.model_validate_json(stored.metadata).recorded_at)
    return _Past(stored, decoded.event, decoded.metadata.recorded_at)


def _folded(evolve: Callable[[Any, Any], Any], before: Any, past: _Past) -> Any:
    try:
        return evolve(before, past.event)
    except Exception as error:
        # A fold is code of ours fed with history: its failure is an answer about that event, whatever it raises.
        raise CannotFold(f"{_named(past)}: {type(error).__name__}") from error


def _named(past: _Past) -> str:
    return f"{past.stored.type} {past.stored.stream}@{past.stored.revision}"


def _as_of(value: T, newest: _Past) -> AsOf[T]:
    return AsOf(value, newest.stored.revision, newest.stored.position, newest.recorded_at)
