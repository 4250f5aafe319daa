"""What the next sync must know about a client: the decider's state. It holds nothing that is the client's own."""

from datetime import datetime

from pydantic import BaseModel

from pims_sync.domain.client import Client, Erased, Synced, Unseen, client
from shared.events import pims_sync as events
from shared.kernel.decider import Projection


class ClientRecord(BaseModel):
    """`erased` clients are known and never synced again; the other fields are then empty."""

    fingerprint: str = ""
    row_digest: str = ""
    observed_at: datetime | None = None
    erased: bool = False


def state_of(record: ClientRecord | None) -> Client:
    """The state that the stream of this document has."""
    if record is None:
        return Unseen()
    if record.erased or record.observed_at is None:
        return Erased()
    return Synced(record.fingerprint, record.row_digest, record.observed_at)


def evolve(record: ClientRecord | None, event: events.ClientEvent) -> ClientRecord | None:
    match client.evolve(state_of(record), event):
        case Synced(fingerprint, row_digest, observed_at):
            return ClientRecord(fingerprint=fingerprint, row_digest=row_digest, observed_at=observed_at)
        case Erased():
            return ClientRecord(erased=True)
        case Unseen():
            return record


client_records = Projection[events.ClientEvent, ClientRecord](
    "client_records", client.category, (events.ClientSynced, events.ClientErased), ClientRecord, evolve
)
