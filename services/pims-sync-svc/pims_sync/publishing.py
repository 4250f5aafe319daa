"""Which stored events leave the service: all of them, for the views of this one live on the topic too."""

from shared.events import pims_sync as events
from shared.events.base import Event

PUBLISHED: tuple[type[Event], ...] = (
    events.ClientSynced,
    events.ClientErased,
    events.PatientSynced,
    events.PatientDied,
    events.PatientRevived,
    events.OwnershipEnded,
    events.SyncRunStarted,
    events.SyncFileReceived,
    events.SyncRunCompleted,
    events.SyncRunAbandoned,
    events.RowsRejected,
)
