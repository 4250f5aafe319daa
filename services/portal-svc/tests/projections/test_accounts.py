from typing import Any

from portal.projections.accounts import AccountCard, accounts
from shared.events import portal as events
from shared.testing.clocks import NOON
from shared.testing.projection_spec import ProjectionSpec

invited = events.AccountInvited(
    account_id="a1",
    role="owner",
    clinic_id="elm",
    client_id="42",
    email="client0042@example.org",
    email_index="idx",
    token_id="t1",
    invited_at=NOON,
    expires_at=NOON,
)
activated = events.AccountActivated(account_id="a1", password_hash="h", activated_at=NOON)
granted = events.ClinicAccessGranted(account_id="a1", clinic_id="harbor", client_id="7", granted_at=NOON)
revoked = events.ClinicAccessRevoked(account_id="a1", clinic_id="elm", revoked_at=NOON)
disabled = events.AccountDisabled(account_id="a1", disabled_at=NOON)
erased = events.AccountErased(account_id="a1", erased_at=NOON)
spec = ProjectionSpec(accounts)
CARD = AccountCard(
    account_id="a1",
    role="owner",
    email="client0042@example.org",
    clinics=["elm"],
    client_ids={"elm": "42"},
)


def _with(**changes: Any) -> AccountCard:
    return CARD.model_copy(update=changes)


def test_an_invitation_makes_a_card() -> None:
    spec.given(invited).then(CARD)


def test_an_activated_account_is_active() -> None:
    spec.given(invited, activated).then(_with(status="active"))


def test_access_to_a_second_clinic_is_listed() -> None:
    two = _with(status="active", clinics=["elm", "harbor"], client_ids={"elm": "42", "harbor": "7"})
    spec.given(invited, activated, granted).then(two)


def test_revoked_access_is_not() -> None:
    one = _with(clinics=["harbor"], client_ids={"harbor": "7"})
    spec.given(invited, granted, revoked).then(one)


def test_a_disabled_account_is_disabled() -> None:
    spec.given(invited, activated, disabled).then(_with(status="disabled"))


def test_an_erased_account_is_gone() -> None:
    spec.given(invited, activated, erased).then(None)


def test_the_password_is_not_in_the_view() -> None:
    changed = events.PasswordChanged(account_id="a1", password_hash="h2", changed_at=NOON)
    view = spec.given(invited, activated, changed).view()
    assert view is not None
    assert "h2" not in view.model_dump_json()
