"""The worker of scheduling-svc: views, the mail to the clinic, relay."""

from scheduling.automations.when_appointment_requested_then_mail_the_clinic import (
    when_appointment_requested_then_mail_the_clinic,
)
from scheduling.projections.appointment_card import appointment_cards
from scheduling.projections.booking_settings import booking_settings
from scheduling.projections.patient_owners import patient_owners
from scheduling.projections.reason_list import reason_lists
from scheduling.publishing import PUBLISHED
from scheduling.settings import SchedulingSettings
from shared.chassis.worker_app import WorkerSpec, run_worker

SPEC = WorkerSpec(
    follows=("scheduling", "pims-sync"),
    projections=(appointment_cards, booking_settings, reason_lists, patient_owners),
    automations=(when_appointment_requested_then_mail_the_clinic,),
    published=PUBLISHED,
)

if __name__ == "__main__":
    run_worker(SPEC, SchedulingSettings())
