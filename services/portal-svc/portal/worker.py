"""The worker process: the owner's views of what pims-sync tells, our own lists, and the mails to new accounts."""

from functools import partial

from portal.automations.when_account_invited_then_mail_the_link import mail_on_invitation, mail_on_renewal
from portal.automations.when_clinic_access_granted_then_mail_a_notice import mail_on_access
from portal.invitation_links import invitation_link
from portal.projections.accounts import accounts
from portal.projections.clients import clients
from portal.projections.clinic_feeds import clinic_feeds
from portal.projections.clinics import clinics
from portal.projections.pets import pets
from portal.publishing import PUBLISHED
from portal.settings import PortalSettings
from shared.chassis.worker_app import WorkerSpec, run_worker

PROJECTIONS = (clinics, accounts, pets, clients, clinic_feeds)


def spec(settings: PortalSettings) -> WorkerSpec:
    """The worker of an installation: its mails lead to its own public address."""
    link = partial(invitation_link, settings.public_url, settings.token_secret_bytes)
    return WorkerSpec(
        follows=("portal", "pims-sync"),
        projections=PROJECTIONS,
        automations=(mail_on_invitation(link), mail_on_renewal(link), mail_on_access),
        published=PUBLISHED,
    )


SPEC = spec(PortalSettings())

if __name__ == "__main__":
    run_worker(SPEC, PortalSettings())
