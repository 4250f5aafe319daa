"""The two kinds of file: how their rows are mapped, decided and known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pims_sync.domain import client, patient
from pims_sync.projections import client_record, patient_record
from pims_sync.projections.client_record import client_records
from pims_sync.projections.patient_record import patient_records
from pims_sync.vendors import bridge_csv
from pims_sync.vendors.fields import Fields
from pims_sync.vendors.profile import Profile
from shared.events import pims_sync as events
from shared.kernel.decider import Decider, Projection

Record = dict[str, Any]


@dataclass(frozen=True)
class Stamp:
    """What a record gets beside its own fields."""

    clinic_id: str
    fingerprint: str
    row_digest: str
    observed_at: datetime


@dataclass(frozen=True)
class EntityKind:
    """`names` are the fields that a fingerprint covers; `command` makes the sync command of a record."""

    decider: Decider[Any, Any, Any]
    projection: Projection[Any, Any]
    names: Sequence[str]
    mapped: Callable[[Fields, Profile, date], Record]
    state_of: Callable[[Any], Any]
    command: Callable[[str, Record, Stamp], Any]


def _sync_client(id_: str, record: Record, stamp: Stamp) -> client.SyncClient:
    return client.SyncClient(events.ClientSynced(client_id=id_, **record, **vars(stamp)))


def _sync_patient(id_: str, record: Record, stamp: Stamp) -> patient.SyncPatient:
    return patient.SyncPatient(events.PatientSynced(patient_id=id_, **record, **vars(stamp)))


KINDS: dict[events.Entity, EntityKind] = {
    "client": EntityKind(
        client.client,
        client_records,
        client.FIELDS,
        bridge_csv.client_record,
        client_record.state_of,
        _sync_client,
    ),
    "patient": EntityKind(
        patient.patient,
        patient_records,
        patient.FIELDS,
        bridge_csv.patient_record,
        patient_record.state_of,
        _sync_patient,
    ),
}
