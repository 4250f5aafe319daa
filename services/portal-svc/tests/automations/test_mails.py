from datetime import timedelta

import pytest

from portal.automations.when_account_invited_then_mail_the_link import mail_on_invitation, mail_on_renewal
from portal.automations.when_clinic_access_granted_then_mail_a_notice import mail_on_access
from portal.invitation_links import invitation_link, is_invitation_token
from portal.projections.clinics import Clinic
from shared.events.portal import AccountInvited, ClinicAccessGranted, InvitationRenewed
from shared.kernel.automation import Mail
from shared.testing.automation_spec import AutomationSpec
from shared.testing.clocks import NOON

ELM = Clinic(clinic_id="elm", name="Elm Street", time_zone="America/New_York", vendor="avimark")
EMAIL = "client0042@example.org"
SECRET = b"s" * 32
END = NOON + timedelta(hours=72)


def link(account_id: str, token_id: str, email: str) -> str:
    return f"https://portal.example/activate#{account_id}/{token_id}/{email}"


def invited(email: str | None = EMAIL) -> AccountInvited:
    return AccountInvited(
        account_id="a1",
        role="owner",
        clinic_id="elm",
        client_id="42",
        email=email,
        token_id="t1",
        invited_at=NOON,
        expires_at=END,
    )


renewed = InvitationRenewed(
    account_id="a1", clinic_id="elm", email=EMAIL, token_id="t2", renewed_at=NOON, expires_at=END
)
granted = ClinicAccessGranted(account_id="a1", clinic_id="elm", client_id="42", email=EMAIL, granted_at=NOON)
on_invitation = AutomationSpec(mail_on_invitation(link)).given(clinics=ELM)


def only_mail(spec: AutomationSpec) -> Mail:
    (mail,) = spec.reactions()
    assert isinstance(mail, Mail)
    return mail


def test_r64_a_welcome_mail_asks_for_a_password() -> None:
    mail = only_mail(on_invitation.when(invited()))
    assert (mail.to, mail.subject) == (EMAIL, "Your account at Elm Street")
    assert f"https://portal.example/activate#a1/t1/{EMAIL}" in mail.text
    assert "05 March 2026, 12:00 UTC" in mail.text


def test_a_renewed_invitation_mails_the_new_link() -> None:
    mail = only_mail(AutomationSpec(mail_on_renewal(link)).given(clinics=ELM).when(renewed))
    assert "#a1/t2/" in mail.text


def test_a_mail_does_not_wait_for_the_clinics_name() -> None:
    assert only_mail(AutomationSpec(mail_on_invitation(link)).when(invited())).subject == "Your account at Vetwire"


def test_nobody_gains_access_unnoticed() -> None:
    mail = only_mail(AutomationSpec(mail_on_access).given(clinics=ELM).when(granted))
    assert (mail.to, mail.subject) == (EMAIL, "Elm Street is now in your portal")


def test_erased_people_get_no_mail() -> None:
    on_invitation.when(invited(email=None)).then_nothing_happens()
    AutomationSpec(mail_on_access).given(clinics=ELM).when(
        granted.model_copy(update={"email": None})
    ).then_nothing_happens()


def test_asvs_14_2_1_the_token_stands_in_the_fragment() -> None:
    url = invitation_link("https://portal.example/", SECRET, "a1", "t1", EMAIL)
    page, _, fragment = url.partition("#")
    assert page == "https://portal.example/activate"
    token = fragment.partition("token=")[2]
    assert is_invitation_token(SECRET, "t1", EMAIL, token)


@pytest.mark.parametrize(
    ("secret", "token_id", "email"), [(b"x" * 32, "t1", EMAIL), (SECRET, "t2", EMAIL), (SECRET, "t1", "b@example.org")]
)
def test_a_token_fits_one_mail_only(secret: bytes, token_id: str, email: str) -> None:
    token = invitation_link("https://portal.example", SECRET, "a1", "t1", EMAIL).partition("token=")[2]
    assert not is_invitation_token(secret, token_id, email, token)
