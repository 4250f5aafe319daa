"""What the practice-management systems told us: canonical records (state transfer) and facts that others act on.

Shapes follow the canonical model of pims-formats 5. Ids are the PIMS's own, percent-encoded; a clinic's records are
told apart by (clinic, entity, id).

`fingerprint` holds one keyed digest for each field of a record, so that the next sync can tell which fields changed
without the values of this one. `row_digest`, keyed too, is of the row that the record was read from: a row that has it
again need not even be read. Both say nothing without the key.
"""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from shared.events.base import Event, Personal, event_type
from shared.events.upcasters import upcaster

_CLIENT = "client:{clinic_id}.{client_id}"
Entity = Literal["client", "patient"]
Altered = Literal["yes", "no", "unknown"]
Status = Literal["active", "inactive", "deleted"]


class Value(BaseModel):
    """Part of a record."""

    model_config = ConfigDict(frozen=True)


class Contact(Value):
    """A way to reach a client. `normalised`: E.164 or a lower-case address; None if `raw` is neither."""

    kind: Literal["mobile", "home", "work", "fax", "email", "other"]
    raw: str
    normalised: str | None = None
    preferred: bool = False


class Address(Value):
    """A postal address as the PIMS has it; `country` is what was written there, not a code."""

    lines: tuple[str, ...] = ()
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


class Coded(Value):
    """A value of a code table: the code and text of the PIMS, and ours if the vendor's profile knows it."""

    code: str | None = None
    text: str
    canonical: str | None = None


class Birth(Value):
    """`precision` says how much of `on` is known."""

    on: date | None = None
    precision: Literal["day", "month", "year", "estimated", "unknown"] = "unknown"


class Death(Value):
    """`known` is the PIMS's flag; `on` may be missing, and may be later than today (pims-formats 7.15)."""

    known: bool = False
    on: date | None = None


class Weight(Value):
    """`value` is decimal text in `unit`."""

    value: str
    unit: Literal["kg", "lb", "g"]


class Identifier(Value):
    """A microchip, tag, tattoo or licence: always text. `normalised` is None if `raw` is not a valid one."""

    kind: Literal["microchip", "rabies_tag", "tattoo", "licence"]
    raw: str
    normalised: str | None = None


class Ownership(Value):
    """Who a patient belongs to, as the PIMS has it."""

    client_id: str
    primary: bool = True


@event_type("pims-sync.ClientSynced.v1", subject=_CLIENT)
class ClientSynced(Event):
    """The PIMS's record of a client as of `observed_at`; `changed` names the fields that differ from the last one."""

    clinic_id: str
    client_id: str
    vendor: str
    kind: Literal["owner", "staff", "vet", "supplier", "unknown"] = "unknown"
    status: Status = "active"
    first_name: Personal[str] = None
    last_name: Personal[str] = None
    company: Personal[str] = None
    contacts: Personal[tuple[Contact, ...]] = None
    addresses: Personal[tuple[Address, ...]] = None
    suspend_reminders: bool = False
    do_not_email: bool = False
    changed: tuple[str, ...] = ()
    fingerprint: str
    row_digest: str = ""
    observed_at: datetime


@event_type("pims-sync.ClientErased.v1", erases=_CLIENT)
class ClientErased(Event):
    """The client's personal data was erased on request: their key is gone, and what was read before must go too."""

    clinic_id: str
    client_id: str
    erased_at: datetime


@event_type("pims-sync.PatientSynced.v2")
class PatientSynced(Event):
    """The PIMS's record of a patient as of `observed_at`; `changed` names the fields that differ from the last one."""

    clinic_id: str
    patient_id: str
    vendor: str
    name: str | None = None
    species: Coded | None = None
    breeds: tuple[Coded, ...] = ()
    colour: Coded | None = None
    sex: Literal["M", "F", "U"] = "U"
    altered: Altered = "unknown"
    birth: Birth = Birth()
    death: Death = Death()
    weight: Weight | None = None
    identifiers: tuple[Identifier, ...] = ()
    owners: tuple[Ownership, ...] = ()
    status: Status = "active"
    suspend_reminders: bool = False
    changed: tuple[str, ...] = ()
    fingerprint: str
    row_digest: str = ""
    observed_at: datetime


@upcaster("pims-sync.PatientSynced.v1", "pims-sync.PatientSynced.v2")
def _several_breeds(data: dict[str, Any]) -> dict[str, Any]:
    """v1 had one `breed`, as text, and one owner, as `client_id`; crossbreeds and shared pets lost the second."""
    rest = {name: value for name, value in data.items() if name not in ("breed", "client_id")}
    breed, owner = data.get("breed"), data.get("client_id")
    return rest | {
        "breeds": [{"text": breed}] if breed else [],
        "owners": [{"client_id": owner, "primary": True}] if owner else [],
    }


@event_type("pims-sync.PatientDied.v1")
class PatientDied(Event):
    """The PIMS says that the patient is dead, which it did not say before. `died_on` may be unknown."""

    clinic_id: str
    patient_id: str
    died_on: date | None = None
    observed_at: datetime


@event_type("pims-sync.PatientRevived.v1")
class PatientRevived(Event):
    """The PIMS took a death back: it was entered by mistake."""

    clinic_id: str
    patient_id: str
    observed_at: datetime


@event_type("pims-sync.OwnershipEnded.v1")
class OwnershipEnded(Event):
    """The client no longer owns the patient and must not see it any more (pims-formats 7.14)."""

    clinic_id: str
    patient_id: str
    client_id: str
    observed_at: datetime


@event_type("pims-sync.SyncRunStarted.v1")
class SyncRunStarted(Event):
    """A PIMS client began to push a run. Stream: the clinic's feed."""

    clinic_id: str
    run_id: str
    vendor: str
    mode: Literal["full", "delta"]
    started_at: datetime


@event_type("pims-sync.SyncFileReceived.v1")
class SyncFileReceived(Event):
    """All rows of one file were read: rows = appended + unchanged + rejected."""

    clinic_id: str
    run_id: str
    entity: Entity
    rows: int
    appended: int
    unchanged: int
    rejected: int
    received_at: datetime


@event_type("pims-sync.SyncRunCompleted.v1")
class SyncRunCompleted(Event):
    """The run is whole: what it did not mention is unchanged as of `started_at`."""

    clinic_id: str
    run_id: str
    vendor: str
    mode: Literal["full", "delta"]
    started_at: datetime
    completed_at: datetime


@event_type("pims-sync.SyncRunAbandoned.v1")
class SyncRunAbandoned(Event):
    """The run was given up, by its client or because another one began; what it appended stands."""

    clinic_id: str
    run_id: str
    reason: str
    abandoned_at: datetime


class Reject(Value):
    """A row that was not taken: its line (from 1, the header counts), the field and why. Never its value."""

    line: int
    field: str | None
    code: str
    reason: str


@event_type("pims-sync.RowsRejected.v1")
class RowsRejected(Event):
    """A batch of a file's rows that were not taken."""

    clinic_id: str
    run_id: str
    entity: Entity
    rejects: tuple[Reject, ...]
    rejected_at: datetime


ClientEvent = ClientSynced | ClientErased
PatientEvent = PatientSynced | PatientDied | PatientRevived | OwnershipEnded
FeedEvent = SyncRunStarted | SyncFileReceived | SyncRunCompleted | SyncRunAbandoned
