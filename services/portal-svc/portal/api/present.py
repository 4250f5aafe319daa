"""Decisions about identity are taken on streams, not on views: a disabled account is disabled at once (ADR 0009)."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from portal.domain.clinic import Clinic, Registered, clinic
from portal.domain.login import Claimed, login
from shared.chassis import clock
from shared.chassis.commands import Context
from shared.chassis.event_store import EventStore
from shared.chassis.logs import correlation_id
from shared.chassis.problems import not_found
from shared.chassis.telemetry import current_traceparent
from shared.chassis.tokens import blind_index
from shared.events.envelope import Actor, Recorded
from shared.events.portal import PLATFORM
from shared.kernel.decider import Decider
from shared.kernel.streams import stream_name

S = TypeVar("S")


async def state_of(store: EventStore, decider: Decider[Any, Any, S], local_id: str, clinic_id: str = PLATFORM) -> S:
    """The state of a stream now; the initial one if there is no such stream."""
    history: Sequence[Recorded] = await store.read(stream_name(decider.category, clinic_id, local_id))
    return decider.fold(recorded.event for recorded in history)


async def account_of_address(store: EventStore, email_index: str) -> str | None:
    """Whose account an address is, by its blind index."""
    match await state_of(store, login, email_index):
        case Claimed(account_id):
            return account_id
        case _:
            return None


async def require_clinic(store: EventStore, clinic_id: str) -> None:
    """Problem 404 `not-found` unless the clinic is registered, or the platform itself."""
    if clinic_id == PLATFORM:
        return
    state: Clinic = await state_of(store, clinic, "", clinic_id)
    if not isinstance(state, Registered):
        raise not_found()


def address_index(secret: bytes, email: str) -> str:
    """The blind index of a normalised mail address."""
    return blind_index(secret, "email", email)


def own_context(actor: Actor) -> Context:
    """The context of a command that has no Idempotency-Key: logging in and out, and the like."""
    return Context(
        clinic_id=PLATFORM,
        actor=actor,
        command_id=UUID(clock.new_id()),
        correlation_id=correlation_id() or clock.new_id(),
        now=clock.now(),
        traceparent=current_traceparent(),
    )
