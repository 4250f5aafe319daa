"""What an account can be, and what each event makes of it."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.events import portal as events
from shared.events.portal import AccountEvent, AccountRole


@dataclass(frozen=True)
class Access:
    """Where an account may act; `client_id` is who an owner is there."""

    clinic_id: str
    client_id: str | None


@dataclass(frozen=True)
class Holder:
    """A person's account; `email` and `email_index` are None once their key is destroyed."""

    account_id: str
    role: AccountRole
    email: str | None
    email_index: str | None
    access: tuple[Access, ...]

    def access_to(self, clinic_id: str) -> Access | None:
        return next((access for access in self.access if access.clinic_id == clinic_id), None)


@dataclass(frozen=True)
class Invited(Holder):
    token_id: str
    mailed_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Active(Holder):
    """Sessions that began before `secured_at` are over."""

    password_hash: str | None
    secured_at: datetime


@dataclass(frozen=True)
class Disabled(Holder): ...


@dataclass(frozen=True)
class NotInvited: ...


@dataclass(frozen=True)
class Erased:
    account_id: str
    email_index: str | None


Account = NotInvited | Invited | Active | Disabled | Erased


def evolve(state: Account, event: AccountEvent) -> Account:
    """What an event makes of the account."""
    match event, state:
        case events.AccountInvited(), NotInvited():
            return _new(event)
        case _, NotInvited() | Erased():
            return state
        case events.AccountErased(), _:
            return Erased(state.account_id, state.email_index)
        case events.InvitationRenewed(), Invited():
            return replace(state, token_id=event.token_id, mailed_at=event.renewed_at, expires_at=event.expires_at)
        case events.AccountActivated(), _:
            return Active(*_held(state), event.password_hash, event.activated_at)
        case events.PasswordChanged(), Active():
            return replace(state, password_hash=event.password_hash, secured_at=event.changed_at)
        case events.ClinicAccessGranted(), _:
            return replace(state, access=(*state.access, Access(event.clinic_id, event.client_id)))
        case events.ClinicAccessRevoked(clinic_id=clinic_id), _:
            return replace(state, access=tuple(a for a in state.access if a.clinic_id != clinic_id))
        case events.AccountDisabled(), _:
            return Disabled(*_held(state))
        case _:
            return state


def _new(event: events.AccountInvited) -> Invited:
    access = (Access(event.clinic_id, event.client_id),)
    person = (event.account_id, event.role, event.email, event.email_index)
    return Invited(*person, access, event.token_id, event.invited_at, event.expires_at)


def _held(state: Holder) -> tuple[str, AccountRole, str | None, str | None, tuple[Access, ...]]:
    return state.account_id, state.role, state.email, state.email_index, state.access
