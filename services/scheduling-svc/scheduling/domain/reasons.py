"""Reasons for a visit: one stream for each clinic, since 'one default' and 'at least one active' span all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.events import scheduling as events
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused


@dataclass(frozen=True)
class AddReason:
    """`appointment_type` maps the reason to the practice's own type (R92)."""

    clinic_id: str
    reason_id: str
    name: str
    description: str = ""
    appointment_type: str | None = None
    is_default: bool = False


@dataclass(frozen=True)
class MakeReasonDefault:
    clinic_id: str
    reason_id: str


@dataclass(frozen=True)
class DeactivateReason:
    clinic_id: str
    reason_id: str


@dataclass(frozen=True)
class Reason:
    """What another decision needs to know of a reason."""

    reason_id: str
    name: str
    is_active: bool = True


@dataclass(frozen=True)
class Reasons:
    """Every reason the clinic ever had; `default` is one of the active, or None."""

    by_id: Mapping[str, Reason] = field(default_factory=dict)
    default: str | None = None

    @property
    def active(self) -> list[Reason]:
        """Those that owners may choose."""
        return [reason for reason in self.by_id.values() if reason.is_active]

    def is_taken(self, name: str) -> bool:
        """Whether an active reason reads the same."""
        return any(reason.name.casefold() == name.casefold() for reason in self.active)


Command = AddReason | MakeReasonDefault | DeactivateReason


def decide(command: Command, state: Reasons) -> list[events.ReasonEvent]:
    match command:
        case AddReason():
            return _add(command, state)
        case MakeReasonDefault(clinic_id, reason_id):
            if not _known(reason_id, state).is_active:
                raise Refused("reason-not-active")
            made_default = events.ReasonMadeDefault(clinic_id=clinic_id, reason_id=reason_id)
            return [] if state.default == reason_id else [made_default]
        case DeactivateReason(clinic_id, reason_id):
            deactivated = events.ReasonDeactivated(clinic_id=clinic_id, reason_id=reason_id)
            return [deactivated] if _known(reason_id, state).is_active else []


def _add(command: AddReason, state: Reasons) -> list[events.ReasonEvent]:
    if command.reason_id in state.by_id:
        return []
    if state.is_taken(command.name):
        raise Refused("reason-name-taken")
    added = events.ReasonAdded(
        clinic_id=command.clinic_id,
        reason_id=command.reason_id,
        name=command.name,
        description=command.description,
        appointment_type=command.appointment_type,
    )
    made_default = events.ReasonMadeDefault(clinic_id=command.clinic_id, reason_id=command.reason_id)
    return [added, made_default] if command.is_default else [added]


def _known(reason_id: str, state: Reasons) -> Reason:
    if reason_id not in state.by_id:
        raise Refused("not-found")
    return state.by_id[reason_id]


def evolve(state: Reasons, event: events.ReasonEvent) -> Reasons:
    match event:
        case events.ReasonAdded(reason_id=id_, name=name):
            return replace(state, by_id={**state.by_id, id_: Reason(id_, name)})
        case events.ReasonMadeDefault(reason_id=id_):
            return replace(state, default=id_)
        case events.ReasonDeactivated(reason_id=id_):
            inactive = replace(state.by_id[id_], is_active=False)
            return Reasons({**state.by_id, id_: inactive}, None if state.default == id_ else state.default)


reasons = Decider[Command, events.ReasonEvent, Reasons]("reasons", Reasons(), decide, evolve)
