"""Sending number: one stream for each number on the whole platform, since it can be one clinic's only."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.events import messaging as events
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused

PLATFORM = "platform"
"""The tenant in the names of these streams, since the rule they keep spans all clinics."""


@dataclass(frozen=True)
class RegisterNumber:
    """`number` is E.164; `auth_token` is what the provider signs with. Registering again replaces the secret."""

    clinic_id: str
    number: str
    auth_token: str = field(repr=False)
    now: datetime


@dataclass(frozen=True)
class ReleaseNumber:
    clinic_id: str
    now: datetime


@dataclass(frozen=True)
class NeverUsed: ...


@dataclass(frozen=True)
class Registered:
    """`auth_token` is None once it was erased: then no signature fits."""

    clinic_id: str
    number: str
    auth_token: str | None = field(repr=False)


@dataclass(frozen=True)
class Released:
    clinic_id: str


Command = RegisterNumber | ReleaseNumber
SendingNumber = NeverUsed | Registered | Released


def decide(command: Command, state: SendingNumber) -> list[events.NumberEvent]:
    match command:
        case RegisterNumber():
            return _registered(command, state)
        case ReleaseNumber():
            return _released(command, state)


def _registered(command: RegisterNumber, state: SendingNumber) -> list[events.NumberEvent]:
    if isinstance(state, Registered):
        return _replaced(command, state)
    return [
        events.SendingNumberRegistered(
            clinic_id=command.clinic_id,
            number=command.number,
            auth_token=command.auth_token,
            registered_at=command.now,
        )
    ]


def _replaced(command: RegisterNumber, state: Registered) -> list[events.NumberEvent]:
    if state.clinic_id != command.clinic_id:
        raise Refused("number-taken")
    if state.auth_token == command.auth_token:
        return []
    return [
        events.SendingNumberSecretReplaced(
            clinic_id=command.clinic_id,
            number=command.number,
            auth_token=command.auth_token,
            replaced_at=command.now,
        )
    ]


def _released(command: ReleaseNumber, state: SendingNumber) -> list[events.NumberEvent]:
    if isinstance(state, NeverUsed) or state.clinic_id != command.clinic_id:
        raise Refused("not-found")
    if isinstance(state, Released):
        return []
    return [events.SendingNumberReleased(clinic_id=command.clinic_id, number=state.number, released_at=command.now)]


def evolve(state: SendingNumber, event: events.NumberEvent) -> SendingNumber:
    match event:
        case events.SendingNumberRegistered() | events.SendingNumberSecretReplaced():
            return Registered(event.clinic_id, event.number, event.auth_token)
        case events.SendingNumberReleased(clinic_id=clinic_id):
            return Released(clinic_id)


sending_number = Decider[Command, events.NumberEvent, SendingNumber]("sendingnumber", NeverUsed(), decide, evolve)
