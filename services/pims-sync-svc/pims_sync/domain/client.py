"""Client: one stream for each client record of a clinic's PIMS."""

from dataclasses import dataclass
from datetime import datetime

from pims_sync.domain.changes import changed_fields
from shared.events import pims_sync as events
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused

FIELDS = (
    "vendor",
    "kind",
    "status",
    "first_name",
    "last_name",
    "company",
    "contacts",
    "addresses",
    "suspend_reminders",
    "do_not_email",
)
"""The fields a fingerprint covers, in its order. New ones go to the end."""


@dataclass(frozen=True)
class SyncClient:
    """The PIMS's record as of `record.observed_at`; what changed is found out here."""

    record: events.ClientSynced


@dataclass(frozen=True)
class EraseClient:
    """Forget the person; the caller destroys their key."""

    clinic_id: str
    client_id: str
    now: datetime


@dataclass(frozen=True)
class Unseen: ...


@dataclass(frozen=True)
class Synced:
    fingerprint: str
    row_digest: str
    observed_at: datetime


@dataclass(frozen=True)
class Erased: ...


Command = SyncClient | EraseClient
Client = Unseen | Synced | Erased


def decide(command: Command, state: Client) -> list[events.ClientEvent]:
    match command, state:
        case EraseClient(), Unseen():
            raise Refused("not-found")
        case EraseClient(clinic_id, client_id, now), Synced():
            return [events.ClientErased(clinic_id=clinic_id, client_id=client_id, erased_at=now)]
        case SyncClient(record), Unseen():
            return [record]
        case SyncClient(record), Synced() if _is_news(record, state):
            changed = changed_fields(FIELDS, state.fingerprint, record.fingerprint)
            return [record.model_copy(update={"changed": changed})]
        case _:
            # Unchanged, older than what is known, or about a person who was erased and stays so.
            return []


def _is_news(record: events.ClientSynced, state: Synced) -> bool:
    return record.fingerprint != state.fingerprint and record.observed_at >= state.observed_at


def evolve(_state: Client, event: events.ClientEvent) -> Client:
    match event:
        case events.ClientSynced(fingerprint=fingerprint, row_digest=digest, observed_at=at):
            return Synced(fingerprint, digest, at)
        case events.ClientErased():
            return Erased()


client = Decider[Command, events.ClientEvent, Client]("client", Unseen(), decide, evolve)
