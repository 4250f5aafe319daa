"""Command handling: load the stream, decide, append what was decided at the revision that was read (design 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from structlog.contextvars import bind_contextvars

from shared.chassis import event_store, mongo
from shared.chassis.crash_points import Point, passing
from shared.chassis.event_store import NO_STREAM, Append, EventStore
from shared.chassis.telemetry import step
from shared.events.base import Event
from shared.events.envelope import Actor, Metadata
from shared.kernel.decider import Decider
from shared.kernel.errors import RevisionMismatch
from shared.kernel.ids import event_id
from shared.kernel.streams import stream_name

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E", bound=Event)
ATTEMPTS = 5
INFRASTRUCTURE_ERRORS = (*event_store.INFRASTRUCTURE_ERRORS, *mongo.INFRASTRUCTURE_ERRORS, RevisionMismatch)


@dataclass(frozen=True)
class Context:
    """Who asks, in which clinic, when (UTC), and what led to it. The same `command_id` is the same wish."""

    clinic_id: str
    actor: Actor
    command_id: UUID
    correlation_id: str
    now: datetime
    causation_id: str | None = None
    traceparent: str | None = None

    def metadata(self) -> Metadata:
        """What every event of this command carries."""
        return Metadata(
            clinic_id=self.clinic_id,
            actor=self.actor,
            command_id=self.command_id,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            traceparent=self.traceparent,
            recorded_at=self.now,
        )


@dataclass(frozen=True)
class Handled:
    """Where the command's stream is now. `revision` is what a reader waits for (design 16); -1: still no stream."""

    stream: str
    revision: int
    events: tuple[Event, ...]
    state: Any


async def handle(
    store: EventStore,
    decider: Decider[C, E, S],
    local_id: str,
    command: C,
    context: Context,
    if_match: int | None = None,
) -> Handled:
    """Decide `command` on the stream `<category>-<clinic>.<local_id>` and append the outcome.

    A race is settled by deciding again on the newer state, 5 times at most; with `if_match` the stream must be at
    that revision. Raises Refused (the domain said no), RevisionMismatch (the race was not won, or `if_match` is stale).
    """
    bind_contextvars(clinic_id=context.clinic_id, command_id=str(context.command_id))
    with step(f"handle {type(command).__name__}", attributes={"vetwire.category": decider.category}):
        return await _handled(store, decider, local_id, command, context, if_match)


async def _handled(
    store: EventStore, decider: Decider[C, E, S], local_id: str, command: C, context: Context, if_match: int | None
) -> Handled:
    stream = stream_name(decider.category, context.clinic_id, local_id)
    for attempt in range(ATTEMPTS):
        history = await store.read(stream)
        passing(Point.AFTER_LOAD)
        revision = history[-1].revision if history else NO_STREAM
        if done := _already_done(stream, context.command_id, history, decider):
            return done
        if if_match is not None and if_match != revision:
            if revision == NO_STREAM:
                decider.decide(command, decider.initial)  # what is not there is refused as such (RFC 9110 13.2.1)
            raise RevisionMismatch(stream, if_match, revision)
        state = decider.fold([recorded.event for recorded in history])  # type: ignore[misc]  # the stream holds E
        events = decider.decide(command, state)
        passing(Point.AFTER_DECIDE)
        try:
            return await _appended(store, decider, stream, revision, state, events, context)
        except RevisionMismatch:
            if if_match is not None or attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


async def state_of(store: EventStore, decider: Decider[C, E, S], clinic_id: str, local_id: str = "") -> S:
    """Another stream's state as the write side has it now: a fact for a command, maybe old when that is decided."""
    history = await store.read(stream_name(decider.category, clinic_id, local_id))
    return decider.fold([recorded.event for recorded in history])  # type: ignore[misc]  # the stream holds E


async def _appended(
    store: EventStore,
    decider: Decider[C, E, S],
    stream: str,
    revision: int,
    state: S,
    events: Sequence[E],
    context: Context,
) -> Handled:
    if events:
        numbered = [(event_id(context.command_id, i), event) for i, event in enumerate(events)]
        revision = await store.append(Append(stream, revision, numbered, context.metadata()))
        passing(Point.AFTER_APPEND_BEFORE_REPLY)
    for event in events:
        state = decider.evolve(state, event)
    return Handled(stream, revision, tuple(events), state)


def _already_done(stream: str, command_id: UUID, history: Sequence[Any], decider: Decider[C, E, S]) -> Handled | None:
    """A retry after a lost reply finds its own events: it gets the first answer, whatever came after."""
    mine = [recorded for recorded in history if recorded.metadata.command_id == command_id]
    if not mine:
        return None
    until = [r.event for r in history if r.revision <= mine[-1].revision]
    return Handled(stream, mine[-1].revision, tuple(r.event for r in mine), decider.fold(until))
