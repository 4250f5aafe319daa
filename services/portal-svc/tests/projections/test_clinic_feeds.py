from datetime import datetime, timedelta
from typing import Literal

from portal.projections.clinic_feeds import ClinicFeed, OpenRun, Run, clinic_feeds
from shared.events import pims_sync as synced
from shared.testing.clocks import NOON
from shared.testing.projection_spec import ProjectionSpec

Mode = Literal["full", "delta"]
END = timedelta(minutes=5)
spec = ProjectionSpec(clinic_feeds)


def started(run_id: str, mode: Mode = "full", at: datetime = NOON) -> synced.SyncRunStarted:
    return synced.SyncRunStarted(clinic_id="elm", run_id=run_id, vendor="avimark", mode=mode, started_at=at)


def completed(run_id: str, mode: Mode = "full", at: datetime = NOON) -> synced.SyncRunCompleted:
    return synced.SyncRunCompleted(
        clinic_id="elm", run_id=run_id, vendor="avimark", mode=mode, started_at=at, completed_at=at + END
    )


def abandoned(run_id: str) -> synced.SyncRunAbandoned:
    return synced.SyncRunAbandoned(clinic_id="elm", run_id=run_id, reason="superseded", abandoned_at=NOON)


def run(run_id: str, mode: Mode = "full", at: datetime = NOON) -> Run:
    return Run(run_id=run_id, vendor="avimark", mode=mode, started_at=at, completed_at=at + END)


received = synced.SyncFileReceived(
    clinic_id="elm", run_id="r1", entity="client", rows=1, appended=1, unchanged=0, rejected=0, received_at=NOON
)
NEXT_DAY = NOON + timedelta(days=1)
OPEN = OpenRun(run_id="r1", vendor="avimark", mode="full", started_at=NOON)


def test_a_run_is_under_way_until_it_is_completed() -> None:
    spec.given(started("r1"), received).then(ClinicFeed(clinic_id="elm", under_way=OPEN))
    spec.given(started("r1"), received, completed("r1")).then(
        ClinicFeed(clinic_id="elm", last=run("r1"), last_full=run("r1"))
    )


def test_a_delta_run_is_the_last_one_but_confirms_nothing_it_does_not_mention() -> None:
    history = (started("r1"), completed("r1"), started("r2", "delta", NEXT_DAY), completed("r2", "delta", NEXT_DAY))
    spec.given(*history).then(ClinicFeed(clinic_id="elm", last=run("r2", "delta", NEXT_DAY), last_full=run("r1")))


def test_a_run_that_is_given_up_leaves_what_was_known() -> None:
    spec.given(started("r1"), completed("r1"), started("r2"), abandoned("r2")).then(
        ClinicFeed(clinic_id="elm", last=run("r1"), last_full=run("r1"))
    )


def test_the_end_of_an_earlier_run_does_not_close_the_one_under_way() -> None:
    spec.given(started("r0"), started("r1"), abandoned("r0")).then(ClinicFeed(clinic_id="elm", under_way=OPEN))
