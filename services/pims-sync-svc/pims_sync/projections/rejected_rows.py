"""The rejected rows of a file, 500 to a document; the newest event of a stream is what counts."""

from pydantic import BaseModel

from shared.events import pims_sync as events
from shared.kernel.decider import Projection

CATEGORY = "rejects"
BATCH = 500


class RejectedRows(BaseModel):
    """In the order of the file."""

    rejects: tuple[events.Reject, ...] = ()


def local_id(run_id: str, entity: str, batch: int) -> str:
    """The stream of a batch (from 0), within its clinic."""
    return f"{run_id}.{entity}.{batch}"


def evolve(_view: RejectedRows | None, event: events.RowsRejected) -> RejectedRows:
    return RejectedRows(rejects=event.rejects)


rejected_rows = Projection[events.RowsRejected, RejectedRows](
    "rejects", CATEGORY, (events.RowsRejected,), RejectedRows, evolve
)
