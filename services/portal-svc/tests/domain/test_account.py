from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from portal.domain.account import account
from portal.domain.account_commands import (
    ActivateAccount,
    ChangePassword,
    Command,
    DisableAccount,
    EraseAccount,
    InviteAccount,
    RevokeAccess,
)
from portal.domain.account_states import Access, Account, Active, Disabled, Erased, Invited
from portal.domain.invitation import INVITATION_LIFETIME, RENEWAL_PAUSE
from shared.events import portal as events
from shared.events.portal import AccountEvent
from shared.testing.clocks import NOON
from shared.testing.decider_spec import DeciderSpec

SOON, LATER = NOON + timedelta(minutes=1), NOON + RENEWAL_PAUSE
INVITE = InviteAccount("a1", "owner", "elm", "42", "client0042@example.org", "idx", "t1", by="staff", now=NOON)
ELSEWHERE = replace(INVITE, clinic_id="harbor", client_id="7", token_id="t2")
ACTIVATE = ActivateAccount("t1", "hash-1", NOON)
CHANGE = ChangePassword("hash-1", "hash-2", LATER)

invited = events.AccountInvited(
    account_id="a1",
    role="owner",
    clinic_id="elm",
    client_id="42",
    email="client0042@example.org",
    email_index="idx",
    token_id="t1",
    invited_at=NOON,
    expires_at=NOON + INVITATION_LIFETIME,
)
renewed = events.InvitationRenewed(
    account_id="a1",
    clinic_id="elm",
    email="client0042@example.org",
    token_id="t2",
    renewed_at=LATER,
    expires_at=LATER + INVITATION_LIFETIME,
)
granted = events.ClinicAccessGranted(
    account_id="a1", clinic_id="harbor", client_id="7", email="client0042@example.org", granted_at=NOON
)
activated = events.AccountActivated(account_id="a1", password_hash="hash-1", activated_at=NOON)
changed = events.PasswordChanged(account_id="a1", password_hash="hash-2", changed_at=LATER)
revoked = events.ClinicAccessRevoked(account_id="a1", clinic_id="elm", revoked_at=NOON)
disabled = events.AccountDisabled(account_id="a1", disabled_at=NOON)
erased = events.AccountErased(account_id="a1", erased_at=NOON)

NEW: tuple[AccountEvent, ...] = ()
INVITED: tuple[AccountEvent, ...] = (invited,)
ACTIVE: tuple[AccountEvent, ...] = (invited, activated)
DISABLED: tuple[AccountEvent, ...] = (*ACTIVE, disabled)
ERASED: tuple[AccountEvent, ...] = (*ACTIVE, erased)
spec = DeciderSpec(account)

NOT_ANY_MORE = ("account-disabled", "account-erased")
INVALID = "invitation-invalid"
NOBODY = "not-found"
STATES = ("new", "invited", "active", "disabled", "erased")
OUTCOMES: dict[str, tuple[Command, tuple[Any, ...]]] = {
    "invite": (INVITE, ([invited], [], [], *NOT_ANY_MORE)),
    "invite later": (replace(INVITE, token_id="t2", now=LATER), (None, [renewed], [], *NOT_ANY_MORE)),
    "invite elsewhere": (ELSEWHERE, (None, [granted], [granted], *NOT_ANY_MORE)),
    "invite in another role": (
        replace(INVITE, role="referring_vet", client_id=None),
        (None, "role-differs", "role-differs", *NOT_ANY_MORE),
    ),
    "invite as another client": (
        replace(INVITE, client_id="43"),
        (None, "access-differs", "access-differs", *NOT_ANY_MORE),
    ),
    "activate": (ACTIVATE, (INVALID, [activated], INVALID, INVALID, INVALID)),
    "activate with a replaced token": (replace(ACTIVATE, token_id="t0"), (INVALID,) * 5),
    "activate too late": (replace(ACTIVATE, now=NOON + INVITATION_LIFETIME), (INVALID,) * 5),
    "change password": (CHANGE, (NOBODY, NOBODY, [changed], NOBODY, NOBODY)),
    "change a password that is another by now": (
        replace(CHANGE, replaces="hash-0"),
        (NOBODY, NOBODY, "password-changed-meanwhile", NOBODY, NOBODY),
    ),
    "revoke": (RevokeAccess("elm", NOON), (NOBODY, [revoked], [revoked], [revoked], [])),
    "revoke elsewhere": (RevokeAccess("harbor", NOON), (NOBODY, [], [], [], [])),
    "disable": (DisableAccount(NOON), (NOBODY, [disabled], [disabled], [], [])),
    "erase": (EraseAccount(NOON), (NOBODY, [erased], [erased], [erased], [])),
}
"""What each command leads to in each of the states, in their order; None: covered by the first row."""
HISTORIES = dict(zip(STATES, (NEW, INVITED, ACTIVE, DISABLED, ERASED), strict=True))
CASES = [
    pytest.param(HISTORIES[state], command, outcome, id=f"{name} when {state}")
    for name, (command, outcomes) in OUTCOMES.items()
    for state, outcome in zip(STATES, outcomes, strict=True)
    if outcome is not None
]
ACCEPTED = [case for case in CASES if isinstance(case.values[2], list)]


@pytest.mark.parametrize(("history", "command", "outcome"), CASES)
def test_every_command_in_every_state(history: tuple[AccountEvent, ...], command: Command, outcome: Any) -> None:
    asked = spec.given(*history).when(command)
    if isinstance(outcome, str):
        asked.then_refused(outcome)
    else:
        asked.then(*outcome)


@pytest.mark.parametrize(
    ("history", "command", "outcome"), [case for case in CASES if isinstance(case.values[2], list)]
)
def test_asking_again_has_no_second_effect(history: tuple[AccountEvent, ...], command: Command, outcome: Any) -> None:
    if isinstance(command, ActivateAccount):
        spec.given(*history, *outcome).when(command).then_refused("invitation-invalid")
    else:
        spec.given(*history, *outcome).when(command).then_nothing_happens()


def test_a_renewed_invitation_makes_the_first_mail_worthless() -> None:
    spec.given(invited, renewed).when(replace(ACTIVATE, now=LATER)).then_refused("invitation-invalid")
    spec.given(invited, renewed).when(ActivateAccount("t2", "hash-1", NOON)).then(activated)


def test_a_renewed_invitation_lives_its_own_time() -> None:
    late = renewed.expires_at - timedelta(seconds=1)
    then = activated.model_copy(update={"activated_at": late})
    spec.given(invited, renewed).when(ActivateAccount("t2", "hash-1", late)).then(then)
    spec.given(invited, renewed).when(ActivateAccount("t2", "hash-1", renewed.expires_at)).then_refused(INVALID)


def test_an_invitation_without_access_cannot_be_used() -> None:
    spec.given(invited, revoked).when(ACTIVATE).then_refused("invitation-invalid")


@pytest.mark.parametrize(
    ("by", "role", "clinic_id", "client_id", "code"),
    [
        ("staff", "staff", "elm", None, "may-not-invite-this-role"),
        ("staff", "operator", "platform", None, "may-not-invite-this-role"),
        ("owner", "owner", "elm", "1", "may-not-invite-this-role"),
        ("pims", "owner", "elm", "1", "may-not-invite-this-role"),
        ("operator", "operator", "elm", None, "role-not-for-this-clinic"),
        ("operator", "staff", "platform", None, "role-not-for-this-clinic"),
        ("staff", "owner", "elm", None, "client-id-needed"),
        ("staff", "specialist", "elm", "1", "client-id-not-for-this-role"),
    ],
)
def test_api6_invitations_that_may_not_be(by: str, role: Any, clinic_id: str, client_id: str | None, code: str) -> None:
    command = replace(INVITE, by=by, role=role, clinic_id=clinic_id, client_id=client_id)
    spec.given().when(command).then_refused(code)


@pytest.mark.parametrize(
    ("by", "role", "clinic_id", "client_id"),
    [
        ("staff", "owner", "elm", "1"),
        ("staff", "referring_vet", "elm", None),
        ("staff", "specialist", "elm", None),
        ("operator", "staff", "elm", None),
        ("operator", "operator", "platform", None),
    ],
)
def test_invitations_that_may_be(by: str, role: Any, clinic_id: str, client_id: str | None) -> None:
    command = replace(INVITE, by=by, role=role, clinic_id=clinic_id, client_id=client_id)
    (first,) = spec.given().when(command).outcome()
    assert isinstance(first, events.AccountInvited)
    assert (first.role, first.clinic_id, first.client_id) == (role, clinic_id, client_id)


PERSON: tuple[str, Any, str, str] = ("a1", "owner", "client0042@example.org", "idx")


@pytest.mark.parametrize(
    ("history", "state"),
    [
        (INVITED, Invited(*PERSON, (Access("elm", "42"),), "t1", NOON, NOON + INVITATION_LIFETIME)),
        (ACTIVE, Active(*PERSON, (Access("elm", "42"),), "hash-1", NOON)),
        ((*ACTIVE, granted), Active(*PERSON, (Access("elm", "42"), Access("harbor", "7")), "hash-1", NOON)),
        ((*ACTIVE, granted, revoked), Active(*PERSON, (Access("harbor", "7"),), "hash-1", NOON)),
        ((*ACTIVE, changed), Active(*PERSON, (Access("elm", "42"),), "hash-2", LATER)),
        (DISABLED, Disabled(*PERSON, (Access("elm", "42"),))),
        (ERASED, Erased("a1", "idx")),
        ((*ERASED, granted), Erased("a1", "idx")),
        ((*ACTIVE, renewed), Active(*PERSON, (Access("elm", "42"),), "hash-1", NOON)),
    ],
)
def test_the_state_follows_the_stream(history: tuple[AccountEvent, ...], state: Account) -> None:
    assert account.fold(history) == state
