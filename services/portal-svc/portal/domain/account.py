"""Account: one stream for each person who logs in. One login, one role, many clinics."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.domain import invitation
from portal.domain.account_commands import (
    ActivateAccount,
    ChangePassword,
    Command,
    DisableAccount,
    EraseAccount,
    InviteAccount,
    RevokeAccess,
)
from shared.events import portal as events
from shared.events.portal import AccountEvent, AccountRole
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused

INVITATION_LIFETIME = timedelta(hours=72)
RENEWAL_PAUSE = timedelta(minutes=10)
"""Asked for again within this time, an invitation is not mailed again: a mailbox is not to be flooded."""


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


def decide(command: Command, state: Account) -> list[AccountEvent]:
    """Refusals: those of `invitation.check`, `account-disabled`, `account-erased`, `access-differs`, `role-differs`,
    `invitation-invalid`, `password-changed-meanwhile`, `no-such-account`."""
    match command:
        case InviteAccount():
            invitation.check(command.role, command.clinic_id, command.client_id, command.by)
            return _invited(command, state)
        case ActivateAccount():
            return _activated(command, state)
        case ChangePassword():
            return _password_changed(command, state)
        case RevokeAccess():
            return _revoked(command, state)
        case DisableAccount():
            return _disabled(command, state)
        case EraseAccount():
            return _erased(command, state)


def _invited(command: InviteAccount, state: Account) -> list[AccountEvent]:
    match state:
        case NotInvited():
            return [_first_invitation(command)]
        case Invited() | Active():
            return _invited_again(command, state)
        case Disabled():
            raise Refused("account-disabled")
        case Erased():
            raise Refused("account-erased")


def _first_invitation(command: InviteAccount) -> AccountEvent:
    return events.AccountInvited(
        account_id=command.account_id,
        role=command.role,
        clinic_id=command.clinic_id,
        client_id=command.client_id,
        email=command.email,
        email_index=command.email_index,
        token_id=command.token_id,
        invited_at=command.now,
        expires_at=command.now + INVITATION_LIFETIME,
    )


def _invited_again(command: InviteAccount, state: Invited | Active) -> list[AccountEvent]:
    if state.role != command.role:
        raise Refused("role-differs")
    match state.access_to(command.clinic_id), state:
        case None, _:
            return [_granted(command, state)]
        case Access(client_id=known), _ if known != command.client_id:
            raise Refused("access-differs")
        case _, Invited(mailed_at=mailed_at) if command.now >= mailed_at + RENEWAL_PAUSE:
            return [_renewed(command, state)]
        case _:
            return []


def _granted(command: InviteAccount, state: Invited | Active) -> AccountEvent:
    return events.ClinicAccessGranted(
        account_id=state.account_id,
        clinic_id=command.clinic_id,
        client_id=command.client_id,
        email=state.email,
        granted_at=command.now,
    )


def _renewed(command: InviteAccount, state: Invited | Active) -> AccountEvent:
    return events.InvitationRenewed(
        account_id=state.account_id,
        clinic_id=command.clinic_id,
        email=state.email,
        token_id=command.token_id,
        renewed_at=command.now,
        expires_at=command.now + INVITATION_LIFETIME,
    )


def _activated(command: ActivateAccount, state: Account) -> list[AccountEvent]:
    """One refusal for every reason: who tries tokens learns nothing."""
    match state:
        case Invited(token_id=token_id) if (
            token_id == command.token_id and command.now < state.expires_at and state.access
        ):
            return [
                events.AccountActivated(
                    account_id=state.account_id, password_hash=command.password_hash, activated_at=command.now
                )
            ]
        case _:
            raise Refused("invitation-invalid")


def _password_changed(command: ChangePassword, state: Account) -> list[AccountEvent]:
    match state:
        case Active(password_hash=present) if present == command.replaces:
            return [
                events.PasswordChanged(
                    account_id=state.account_id, password_hash=command.password_hash, changed_at=command.now
                )
            ]
        case Active(password_hash=present) if present == command.password_hash:
            return []
        case Active():
            raise Refused("password-changed-meanwhile")
        case _:
            raise Refused("no-such-account")


def _revoked(command: RevokeAccess, state: Account) -> list[AccountEvent]:
    match state:
        case Invited() | Active() | Disabled() if state.access_to(command.clinic_id):
            return [
                events.ClinicAccessRevoked(
                    account_id=state.account_id, clinic_id=command.clinic_id, revoked_at=command.now
                )
            ]
        case NotInvited():
            raise Refused("no-such-account")
        case _:
            return []


def _disabled(command: DisableAccount, state: Account) -> list[AccountEvent]:
    match state:
        case Invited() | Active():
            return [events.AccountDisabled(account_id=state.account_id, disabled_at=command.now)]
        case Disabled() | Erased():
            return []
        case NotInvited():
            raise Refused("no-such-account")


def _erased(command: EraseAccount, state: Account) -> list[AccountEvent]:
    match state:
        case Invited() | Active() | Disabled():
            return [events.AccountErased(account_id=state.account_id, erased_at=command.now)]
        case Erased():
            return []
        case NotInvited():
            raise Refused("no-such-account")


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


account = Decider[Command, AccountEvent, Account]("account", NotInvited(), decide, evolve)
