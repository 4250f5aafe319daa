"""What clients send and get."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pims_sync.projections.sync_feed import FileSummary
from shared.chassis.endpoints import Accepted
from shared.events.pims_sync import Entity, Reject

Count = Annotated[int, Field(ge=0)]


class StartRunBody(BaseModel):
    """`full`: every record of the practice; `delta`: those that changed."""

    model_config = ConfigDict(extra="forbid")
    mode: Literal["full", "delta"]
    vendor: Annotated[str, Field(min_length=1, max_length=40)]


class CompleteRunBody(BaseModel):
    """How many rows each file had when it was written, without its header."""

    model_config = ConfigDict(extra="forbid")
    declared_counts: dict[Entity, Count]


class RunAnswer(BaseModel):
    """Times are UTC."""

    run_id: str
    vendor: str
    mode: Literal["full", "delta"]
    status: Literal["open", "completed", "abandoned"]
    started_at: datetime
    closed_at: datetime | None
    files: tuple[FileSummary, ...]


class RunAccepted(Accepted):
    """The run that files are now sent to."""

    run_id: str


class FileAccepted(Accepted):
    """rows = appended + unchanged + rejected. `first_rejects`: 20 at most; all of them are at `rejects_url`."""

    run_id: str
    entity: Entity
    rows: int
    appended: int
    unchanged: int
    rejected: int
    first_rejects: tuple[Reject, ...]
    rejects_url: str


class RejectAnswer(Reject):
    """A row that was not taken, and in which file."""

    entity: Entity
