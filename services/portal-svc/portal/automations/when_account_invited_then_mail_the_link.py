"""The welcome mail in which somebody new is asked to choose a password (R64)."""

from collections.abc import Callable, Sequence

from portal.projections.clinics import Clinic, clinics
from shared.events.portal import AccountInvited, InvitationRenewed
from shared.kernel.automation import Automation, Cause, Mail, Reaction

Link = Callable[[str, str, str], str]
"""Account id, token id and mail address to the address of the page; the token in it is derived, never stored."""
Invitation = AccountInvited | InvitationRenewed

TEXT = """\
Hello,

{clinic} has made an account for you on its portal. Choose a password here:

{link}

The link works once, until {until:%d %B %Y, %H:%M} UTC. If you did not expect this mail, you need not do anything.
"""


def mail_on_invitation(link: Link) -> Automation[AccountInvited]:
    """For the first mail."""
    return Automation(
        "when_account_invited_then_mail_the_link", AccountInvited, _reacting(link), lambda c: _needs(c.event)
    )


def mail_on_renewal(link: Link) -> Automation[InvitationRenewed]:
    """For every further one."""
    return Automation(
        "when_invitation_renewed_then_mail_the_link", InvitationRenewed, _reacting(link), lambda c: _needs(c.event)
    )


def _needs(event: Invitation) -> dict[str, str]:
    return {clinics.collection: event.clinic_id}


def _reacting(link: Link) -> Callable[..., Sequence[Reaction]]:
    def react(cause: Cause[Invitation], clinics: Clinic | None) -> Sequence[Reaction]:
        event = cause.event
        if event.email is None:
            return []
        name = clinics.name if clinics else "Vetwire"
        url = link(event.account_id, event.token_id, event.email)
        text = TEXT.format(clinic=name, link=url, until=event.expires_at)
        return [Mail(event.email, f"Your account at {name}", text)]

    return react
