"""Appending what a batch of records led to: many streams in one call, races settled stream by stream (design 3)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

import structlog

from shared.chassis.commands import INFRASTRUCTURE_ERRORS
from shared.chassis.event_store import NO_STREAM, Append, EventStore
from shared.events.base import Event
from shared.events.envelope import Metadata
from shared.kernel.decider import Decider
from shared.kernel.errors import RevisionMismatch
from shared.kernel.ids import derived_id

ATTEMPTS = 5
PATIENCE_SECONDS = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 3.0
T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """A sync command for a stream that was in `state` at `revision`. `key` tells this record's content from others."""

    stream: str
    revision: int
    state: Any
    command: Any
    key: str


class Writer:
    """Decides and appends. An event's id comes from its stream, revision and content: a retry makes the same one."""

    def __init__(self, store: EventStore, decider: Decider[Any, Any, Any], metadata: Metadata) -> None:
        self._store = store
        self._decider = decider
        self._metadata = metadata

    async def write(self, wishes: Sequence[Wish]) -> int:
        """How many of the wishes were news. Servers that are away are waited for, 30 s at most."""
        decided = [(wish, self._decider.decide(wish.command, wish.state)) for wish in wishes]
        appends = [(wish, self._append(wish, wish.revision, events)) for wish, events in decided if events]
        outcomes = await patiently(lambda: self._store.append_many([append for _, append in appends]))
        lost = [wish for (wish, _), outcome in zip(appends, outcomes, strict=True) if not isinstance(outcome, int)]
        return len(appends) - len(lost) + sum([await patiently(partial(self._settle, wish)) for wish in lost])

    async def _settle(self, wish: Wish) -> bool:
        """The view was behind the stream, or another upload was faster: decide again on the stream itself."""
        for _ in range(ATTEMPTS):
            history = await self._store.read(wish.stream)
            revision = history[-1].revision if history else NO_STREAM
            state = self._decider.fold([recorded.event for recorded in history])
            events = self._decider.decide(wish.command, state)
            if not events:
                return False
            try:
                await self._store.append(self._append(wish, revision, events))
            except RevisionMismatch:
                continue
            return True
        raise RevisionMismatch(wish.stream, wish.revision)

    def _append(self, wish: Wish, revision: int, events: Sequence[Event]) -> Append:
        numbered = [(_event_id(wish, revision, index), event) for index, event in enumerate(events)]
        return Append(wish.stream, revision, numbered, self._metadata)


def _event_id(wish: Wish, revision: int, index: int) -> UUID:
    return derived_id(wish.stream, str(revision), wish.key, str(index))


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """The attempt's answer; repeated while servers are away, for 30 s at most. Only for what may be done twice."""
    until, pause = monotonic() + PATIENCE_SECONDS, _FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except INFRASTRUCTURE_ERRORS as error:
            if monotonic() + pause > until:
                raise
            log.warning("upload waits", error=type(error).__name__, seconds=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
