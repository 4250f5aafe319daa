"""What portal-svc knows: clinics, who may log in where, and the credentials of machines.

Accounts span clinics: their streams and metadata belong to the clinic `platform`, and `clinic_id` in an event is the
clinic that it is about. No event holds a token, a password or a secret: tokens are derived from `token_id`, the rest
are hashes (security C.4).
"""

from datetime import datetime
from typing import Literal

from shared.events.base import Event, Personal, event_type

PLATFORM = "platform"
_ACCOUNT = "account:{account_id}"
AccountRole = Literal["owner", "staff", "referring_vet", "specialist", "operator"]
SessionEnd = Literal["logout", "reused", "expired", "account-closed"]


@event_type("portal.ClinicRegistered.v1")
class ClinicRegistered(Event):
    """A clinic joined. `time_zone` is an IANA name, `vendor` the code of its PIMS's profile."""

    clinic_id: str
    name: str
    time_zone: str
    vendor: str
    registered_at: datetime


@event_type("portal.LoginClaimed.v1")
class LoginClaimed(Event):
    """A mail address belongs to an account; the stream is named by the address's blind index."""

    account_id: str
    claimed_at: datetime


@event_type("portal.LoginReleased.v1")
class LoginReleased(Event):
    """The address may be used by another account again."""

    account_id: str
    released_at: datetime


@event_type("portal.AccountInvited.v1", subject=_ACCOUNT)
class AccountInvited(Event):
    """Somebody got an account in a clinic and a mail to choose a password by (R64). Owners are a client there."""

    account_id: str
    role: AccountRole
    clinic_id: str
    client_id: str | None = None
    email: Personal[str] = None
    email_index: Personal[str] = None
    token_id: str
    invited_at: datetime
    expires_at: datetime


@event_type("portal.InvitationRenewed.v1", subject=_ACCOUNT)
class InvitationRenewed(Event):
    """A new mail with a new token; the one before no longer works."""

    account_id: str
    clinic_id: str
    email: Personal[str] = None
    token_id: str
    renewed_at: datetime
    expires_at: datetime


@event_type("portal.AccountActivated.v1", subject=_ACCOUNT)
class AccountActivated(Event):
    """The invitation was used up. `password_hash` is argon2id as a PHC string."""

    account_id: str
    password_hash: Personal[str] = None
    activated_at: datetime


@event_type("portal.PasswordChanged.v1", subject=_ACCOUNT)
class PasswordChanged(Event):
    """Sessions that began before are over."""

    account_id: str
    password_hash: Personal[str] = None
    changed_at: datetime


@event_type("portal.ClinicAccessGranted.v1", subject=_ACCOUNT)
class ClinicAccessGranted(Event):
    """The account may act in one more clinic, in the role it has."""

    account_id: str
    clinic_id: str
    client_id: str | None = None
    email: Personal[str] = None
    granted_at: datetime


@event_type("portal.ClinicAccessRevoked.v1")
class ClinicAccessRevoked(Event):
    """The account may no longer act in the clinic."""

    account_id: str
    clinic_id: str
    revoked_at: datetime


@event_type("portal.AccountDisabled.v1")
class AccountDisabled(Event):
    """Nobody logs in with it any more."""

    account_id: str
    disabled_at: datetime


@event_type("portal.AccountErased.v1", erases=_ACCOUNT)
class AccountErased(Event):
    """The person's key is destroyed; what was read before must go too."""

    account_id: str
    erased_at: datetime


@event_type("portal.SessionStarted.v1")
class SessionStarted(Event):
    """Somebody logged in. Refresh token 0 was handed out."""

    session_id: str
    account_id: str
    started_at: datetime


@event_type("portal.SessionRefreshed.v1")
class SessionRefreshed(Event):
    """Refresh token `number` was handed out, and the one before no longer works."""

    session_id: str
    number: int
    refreshed_at: datetime


@event_type("portal.SessionEnded.v1")
class SessionEnded(Event):
    """`reused`: an old refresh token came back, so one of its two bearers is a thief (security C.4)."""

    session_id: str
    reason: SessionEnd
    ended_at: datetime


@event_type("portal.PimsClientRegistered.v1")
class PimsClientRegistered(Event):
    """A machine of a clinic's PIMS may get tokens. `secret_hash`: SHA-256 (hex) of a 256-bit secret."""

    client_id: str
    clinic_id: str
    label: str
    secret_hash: str
    registered_at: datetime


@event_type("portal.PimsClientRevoked.v1")
class PimsClientRevoked(Event):
    """It gets no more tokens."""

    client_id: str
    clinic_id: str
    revoked_at: datetime


LoginEvent = LoginClaimed | LoginReleased
AccountEvent = (
    AccountInvited
    | InvitationRenewed
    | AccountActivated
    | PasswordChanged
    | ClinicAccessGranted
    | ClinicAccessRevoked
    | AccountDisabled
    | AccountErased
)
SessionEvent = SessionStarted | SessionRefreshed | SessionEnded
CredentialEvent = PimsClientRegistered | PimsClientRevoked
