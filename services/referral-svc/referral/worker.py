"""The worker of referral-svc: its view and its relay."""

from referral.projections.referral_case import referral_cases
from referral.publishing import PUBLISHED
from referral.settings import ReferralSettings
from shared.chassis.worker_app import WorkerSpec, run_worker

SPEC = WorkerSpec(
    follows=("referral",),
    projections=(referral_cases,),
    automations=(),
    published=PUBLISHED,
)

if __name__ == "__main__":
    run_worker(SPEC, ReferralSettings())
