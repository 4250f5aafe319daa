"""Invitations: who may invite whom, where, and what an invitation leads to."""

from collections.abc import Mapping
from datetime import timedelta

from portal.domain.account_commands import InviteAccount
from portal.domain.account_states import Access, Account, Active, Disabled, Erased, Invited, NotInvited
from shared.events import portal as events
from shared.events.portal import PLATFORM, AccountEvent, AccountRole
from shared.kernel.errors import Refused

INVITATION_LIFETIME = timedelta(hours=72)
RENEWAL_PAUSE = timedelta(minutes=10)
"""Asked for again within this time, an invitation is not mailed again: a mailbox is not to be flooded."""

INVITED_BY: Mapping[str, frozenset[AccountRole]] = {
    "operator": frozenset({"owner", "staff", "referring_vet", "specialist", "operator"}),
    "staff": frozenset({"owner", "referring_vet", "specialist"}),
}


def check(role: AccountRole, clinic_id: str, client_id: str | None, by: str) -> None:
    """Refusals: `may-not-invite-this-role`, `role-not-for-this-clinic` (operators, and they alone, belong to
    `platform`), `client-id-needed` (owners are a client of the clinic), `client-id-not-for-this-role`."""
    if role not in INVITED_BY.get(by, frozenset()):
        raise Refused("may-not-invite-this-role")
    if (role == "operator") != (clinic_id == PLATFORM):
        raise Refused("role-not-for-this-clinic")
    if role == "owner" and not client_id:
        raise Refused("client-id-needed")
    if role != "owner" and client_id:
        raise Refused("client-id-not-for-this-role")


def invited(command: InviteAccount, state: Account) -> list[AccountEvent]:
    """Refusals: those of `check`, `account-disabled`, `account-erased`, `access-differs`, `role-differs`."""
    check(command.role, command.clinic_id, command.client_id, command.by)
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
