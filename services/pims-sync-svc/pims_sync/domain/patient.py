"""Patient: one stream for each patient record of a clinic's PIMS."""

from dataclasses import dataclass, replace
from datetime import datetime

from pims_sync.domain.changes import changed_fields
from shared.events import pims_sync as events
from shared.kernel.decider import Decider

FIELDS = (
    "vendor",
    "name",
    "species",
    "breeds",
    "colour",
    "sex",
    "altered",
    "birth",
    "death",
    "weight",
    "identifiers",
    "owners",
    "status",
    "suspend_reminders",
)
"""The fields a fingerprint covers, in its order. New ones go to the end."""


@dataclass(frozen=True)
class SyncPatient:
    """The PIMS's record as of `record.observed_at`; what changed is found out here."""

    record: events.PatientSynced


@dataclass(frozen=True)
class Unseen: ...


@dataclass(frozen=True)
class Synced:
    fingerprint: str
    row_digest: str
    observed_at: datetime
    dead: bool
    owners: tuple[str, ...]


Patient = Unseen | Synced


def decide(command: SyncPatient, state: Patient) -> list[events.PatientEvent]:
    record = command.record
    match state:
        case Unseen():
            # No PatientDied for one that was dead when first seen: that is history, and nobody should be told now.
            return [record]
        case Synced(fingerprint, _, observed_at) if fingerprint != record.fingerprint:
            return _news(record, state) if record.observed_at >= observed_at else []
        case Synced():
            return []


def _news(record: events.PatientSynced, state: Synced) -> list[events.PatientEvent]:
    changed = changed_fields(FIELDS, state.fingerprint, record.fingerprint)
    return [record.model_copy(update={"changed": changed}), *_of_life(record, state), *_of_ownership(record, state)]


def _of_life(record: events.PatientSynced, state: Synced) -> list[events.PatientEvent]:
    clinic_id, patient_id, at = record.clinic_id, record.patient_id, record.observed_at
    match state.dead, record.death.known:
        case False, True:
            died_on = record.death.on
            return [
                events.PatientDied(clinic_id=clinic_id, patient_id=patient_id, died_on=died_on, observed_at=at),
            ]
        case True, False:
            return [events.PatientRevived(clinic_id=clinic_id, patient_id=patient_id, observed_at=at)]
        case _:
            return []


def _of_ownership(record: events.PatientSynced, state: Synced) -> list[events.PatientEvent]:
    """An owner who is gone from the record must lose access at once (pims-formats 7.14)."""
    current = {owner.client_id for owner in record.owners}
    return [
        events.OwnershipEnded(
            clinic_id=record.clinic_id, patient_id=record.patient_id, client_id=former, observed_at=record.observed_at
        )
        for former in state.owners
        if former not in current
    ]


def evolve(state: Patient, event: events.PatientEvent) -> Patient:
    match state, event:
        case _, events.PatientSynced():
            owners = tuple(owner.client_id for owner in event.owners)
            return Synced(event.fingerprint, event.row_digest, event.observed_at, event.death.known, owners)
        case Synced(), events.PatientDied():
            return replace(state, dead=True)
        case Synced(), events.PatientRevived():
            return replace(state, dead=False)
        case _:
            return state


patient = Decider[SyncPatient, events.PatientEvent, Patient]("patient", Unseen(), decide, evolve)
