"""Somebody who can log in already is told of one more clinic; nobody gains access unnoticed."""

from collections.abc import Sequence

from portal.projections.clinics import Clinic, clinics
from shared.events.portal import ClinicAccessGranted
from shared.kernel.automation import Automation, Cause, Mail, Reaction

TEXT = """\
Hello,

{clinic} has opened its portal to your account. Log in as before, with this mail address.
If you do not know this clinic, please tell it so.
"""


def react(cause: Cause[ClinicAccessGranted], clinics: Clinic | None) -> Sequence[Reaction]:
    """One mail, unless the person was erased meanwhile."""
    if cause.event.email is None:
        return []
    name = clinics.name if clinics else "A clinic"
    return [Mail(cause.event.email, f"{name} is now in your portal", TEXT.format(clinic=name))]


mail_on_access = Automation[ClinicAccessGranted](
    "when_clinic_access_granted_then_mail_a_notice",
    ClinicAccessGranted,
    react,
    lambda cause: {clinics.collection: cause.event.clinic_id},
)
