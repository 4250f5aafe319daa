"""The runs of a clinic's feed, newest first: when they were, what they brought."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from pims_sync.domain.feed import feed
from shared.events import pims_sync as events
from shared.kernel.decider import Projection

SHOWN = 50


class FileSummary(BaseModel):
    """rows = appended + unchanged + rejected."""

    entity: events.Entity
    rows: int
    appended: int
    unchanged: int
    rejected: int
    received_at: datetime


class SyncRun(BaseModel):
    """One push; times are UTC. `closed_at`: completed or abandoned."""

    run_id: str
    vendor: str
    mode: Literal["full", "delta"]
    status: Literal["open", "completed", "abandoned"] = "open"
    started_at: datetime
    closed_at: datetime | None = None
    files: tuple[FileSummary, ...] = ()


class SyncFeed(BaseModel):
    """The newest 50 runs of one clinic."""

    runs: tuple[SyncRun, ...] = ()

    def run(self, run_id: str) -> SyncRun | None:
        """The run, if it is among them."""
        return next((run for run in self.runs if run.run_id == run_id), None)


def evolve(view: SyncFeed | None, event: events.FeedEvent) -> SyncFeed:
    runs = view.runs if view is not None else ()
    if isinstance(event, events.SyncRunStarted):
        return SyncFeed(runs=(SyncRun.model_validate(event.model_dump()), *runs)[:SHOWN])
    return SyncFeed(runs=tuple(_step(run, event) if run.run_id == event.run_id else run for run in runs))


def _step(run: SyncRun, event: events.FeedEvent) -> SyncRun:
    match event:
        case events.SyncFileReceived():
            file = FileSummary.model_validate(event.model_dump())
            others = tuple(known for known in run.files if known.entity != event.entity)
            return run.model_copy(update={"files": (*others, file)})
        case events.SyncRunCompleted():
            return run.model_copy(update={"status": "completed", "closed_at": event.completed_at})
        case events.SyncRunAbandoned():
            return run.model_copy(update={"status": "abandoned", "closed_at": event.abandoned_at})
        case _:
            return run


sync_feeds = Projection[events.FeedEvent, SyncFeed](
    "sync_feeds",
    feed.category,
    (events.SyncRunStarted, events.SyncFileReceived, events.SyncRunCompleted, events.SyncRunAbandoned),
    SyncFeed,
    evolve,
)
