"""What the next sync must know about a patient: the decider's state, so that 500 rows cost one query."""

from datetime import datetime

from pydantic import BaseModel

from pims_sync.domain.patient import Patient, Synced, Unseen, patient
from shared.events import pims_sync as events
from shared.kernel.decider import Projection


class PatientRecord(BaseModel):
    """`owners` are client ids; `dead` is what the PIMS says."""

    fingerprint: str
    row_digest: str
    observed_at: datetime
    dead: bool
    owners: tuple[str, ...]


def state_of(record: PatientRecord | None) -> Patient:
    """The state that the stream of this document has."""
    if record is None:
        return Unseen()
    return Synced(record.fingerprint, record.row_digest, record.observed_at, record.dead, record.owners)


def evolve(record: PatientRecord | None, event: events.PatientEvent) -> PatientRecord | None:
    match patient.evolve(state_of(record), event):
        case Synced(fingerprint, row_digest, observed_at, dead, owners):
            return PatientRecord(
                fingerprint=fingerprint, row_digest=row_digest, observed_at=observed_at, dead=dead, owners=owners
            )
        case Unseen():
            return record


patient_records = Projection[events.PatientEvent, PatientRecord](
    "patient_records",
    patient.category,
    (events.PatientSynced, events.PatientDied, events.PatientRevived),
    PatientRecord,
    evolve,
)
