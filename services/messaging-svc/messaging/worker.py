"""The worker of messaging-svc: its views and its relay."""

from messaging.projections.sending_number import sending_numbers
from messaging.projections.sms_consent import sms_consents
from messaging.publishing import PUBLISHED
from messaging.settings import MessagingSettings
from shared.chassis.worker_app import WorkerSpec, run_worker

SPEC = WorkerSpec(
    follows=("messaging",),
    projections=(sms_consents, sending_numbers),
    # The provider itself confirms a STOP: a second confirmation of ours would break the rule (sms-rules 7).
    automations=(),
    published=PUBLISHED,
)

if __name__ == "__main__":
    run_worker(SPEC, MessagingSettings())
