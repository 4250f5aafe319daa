"""The worker of pims-sync-svc: keeps what syncs need to know, and relays the service's events."""

from pims_sync.projections.client_record import client_records
from pims_sync.projections.patient_record import patient_records
from pims_sync.projections.rejected_rows import rejected_rows
from pims_sync.projections.sync_feed import sync_feeds
from pims_sync.publishing import PUBLISHED
from pims_sync.settings import PimsSyncSettings
from shared.chassis.worker_app import WorkerSpec, run_worker

SPEC = WorkerSpec(
    follows=("pims-sync",),
    projections=(client_records, patient_records, sync_feeds, rejected_rows),
    automations=(),
    published=PUBLISHED,
)

if __name__ == "__main__":
    run_worker(SPEC, PimsSyncSettings())
