"""Account: one stream for each person who logs in. One login, one role, many clinics."""

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
from portal.domain.account_states import Account, Active, Disabled, Erased, Invited, NotInvited, evolve
from shared.events import portal as events
from shared.events.portal import AccountEvent
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused


def decide(command: Command, state: Account) -> list[AccountEvent]:
    """Refusals: `invitation.invited`'s, `invitation-invalid`, `password-changed-meanwhile`, `not-found`."""
    match command:
        case InviteAccount():
            return invitation.invited(command, state)
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
            raise Refused("not-found")


def _revoked(command: RevokeAccess, state: Account) -> list[AccountEvent]:
    match state:
        case Invited() | Active() | Disabled() if state.access_to(command.clinic_id):
            return [
                events.ClinicAccessRevoked(
                    account_id=state.account_id, clinic_id=command.clinic_id, revoked_at=command.now
                )
            ]
        case NotInvited():
            raise Refused("not-found")
        case _:
            return []


def _disabled(command: DisableAccount, state: Account) -> list[AccountEvent]:
    match state:
        case Invited() | Active():
            return [events.AccountDisabled(account_id=state.account_id, disabled_at=command.now)]
        case Disabled() | Erased():
            return []
        case NotInvited():
            raise Refused("not-found")


def _erased(command: EraseAccount, state: Account) -> list[AccountEvent]:
    match state:
        case Invited() | Active() | Disabled():
            return [events.AccountErased(account_id=state.account_id, erased_at=command.now)]
        case Erased():
            return []
        case NotInvited():
            raise Refused("not-found")


account = Decider[Command, AccountEvent, Account]("account", NotInvited(), decide, evolve)
