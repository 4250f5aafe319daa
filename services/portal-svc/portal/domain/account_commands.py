"""What can be asked of an account."""

from dataclasses import dataclass
from datetime import datetime

from shared.events.portal import AccountRole


@dataclass(frozen=True)
class InviteAccount:
    """`by` is the role of who asks. `client_id`: who an owner is in the clinic. `email` is normalised."""

    account_id: str
    role: AccountRole
    clinic_id: str
    client_id: str | None
    email: str
    email_index: str
    token_id: str
    by: str
    now: datetime


@dataclass(frozen=True)
class ActivateAccount:
    """The token of `token_id` was shown and is genuine."""

    token_id: str
    password_hash: str
    now: datetime


@dataclass(frozen=True)
class ChangePassword:
    """`replaces` is the hash that the present password was checked against."""

    replaces: str
    password_hash: str
    now: datetime


@dataclass(frozen=True)
class RevokeAccess:
    clinic_id: str
    now: datetime


@dataclass(frozen=True)
class DisableAccount:
    now: datetime


@dataclass(frozen=True)
class EraseAccount:
    now: datetime


Command = InviteAccount | ActivateAccount | ChangePassword | RevokeAccess | DisableAccount | EraseAccount
