"""How fresh a clinic's data is: its last whole run, its last full one, and the one that is under way (M11)."""

from datetime import datetime
from typing import Literal, get_args

from pydantic import BaseModel

from shared.events import pims_sync as synced
from shared.events.pims_sync import FeedEvent
from shared.kernel.decider import Projection


class OpenRun(BaseModel):
    """A run that is not completed yet."""

    run_id: str
    vendor: str
    mode: Literal["full", "delta"]
    started_at: datetime


class Run(OpenRun):
    """A whole run: what it did not mention is unchanged as of `started_at` if it was a full one."""

    completed_at: datetime


class ClinicFeed(BaseModel):
    """`last` is of either mode."""

    clinic_id: str
    last: Run | None = None
    last_full: Run | None = None
    under_way: OpenRun | None = None


def evolve(feed: ClinicFeed | None, event: FeedEvent) -> ClinicFeed:
    """Runs follow each other; one that was given up leaves what was known."""
    known = feed or ClinicFeed(clinic_id=event.clinic_id)
    match event:
        case synced.SyncRunStarted():
            started = OpenRun(run_id=event.run_id, vendor=event.vendor, mode=event.mode, started_at=event.started_at)
            return known.model_copy(update={"under_way": started})
        case synced.SyncRunCompleted():
            return _completed(known, event)
        case synced.SyncRunAbandoned():
            return _without(known, event.run_id)
        case synced.SyncFileReceived():
            return known


def _completed(feed: ClinicFeed, event: synced.SyncRunCompleted) -> ClinicFeed:
    run = Run(
        run_id=event.run_id,
        vendor=event.vendor,
        mode=event.mode,
        started_at=event.started_at,
        completed_at=event.completed_at,
    )
    last_full = run if run.mode == "full" else feed.last_full
    return _without(feed, event.run_id).model_copy(update={"last": run, "last_full": last_full})


def _without(feed: ClinicFeed, run_id: str) -> ClinicFeed:
    is_this = feed.under_way is not None and feed.under_way.run_id == run_id
    return feed.model_copy(update={"under_way": None}) if is_this else feed


clinic_feeds = Projection[FeedEvent, ClinicFeed]("clinic_feeds", "feed", get_args(FeedEvent), ClinicFeed, evolve)
