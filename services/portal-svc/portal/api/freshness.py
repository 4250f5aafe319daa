"""Since when what is shown is known to be so, and from whom (M11)."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel

from portal.projections.clinic_feeds import ClinicFeed
from portal.projections.pets import Pet

DELAYED_AFTER = timedelta(hours=36)
SyncState = Literal["synced", "delayed", "never"]


class Freshness(BaseModel):
    """`as_of`: when the last whole run began, None if there never was one; `vendor`: whose PIMS it came from.

    `state`: `delayed` when the last whole run ended more than 36 hours ago. `sync_under_way`: a run is open now.
    """

    as_of: datetime | None
    vendor: str | None
    state: SyncState
    sync_under_way: bool


def freshness_of(feed: ClinicFeed | None, now: datetime) -> Freshness:
    """Of a clinic's data as a whole."""
    last = feed.last if feed else None
    under_way = feed is not None and feed.under_way is not None
    if last is None:
        return Freshness(as_of=None, vendor=None, state="never", sync_under_way=under_way)
    state: SyncState = "delayed" if now - last.completed_at > DELAYED_AFTER else "synced"
    return Freshness(as_of=last.started_at, vendor=last.vendor, state=state, sync_under_way=under_way)


def as_of(pet: Pet, feed: ClinicFeed | None) -> datetime:
    """A full run that did not mention a change confirms what was known when it began."""
    full = feed.last_full if feed else None
    return max(pet.observed_at, full.started_at) if full else pet.observed_at
