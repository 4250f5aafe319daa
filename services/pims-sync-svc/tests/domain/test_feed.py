from datetime import timedelta
from typing import Literal

import pytest

from pims_sync.domain.feed import REMEMBERED, CompleteRun, RecordFile, StartRun, feed
from shared.events import pims_sync as events
from shared.kernel.errors import Refused
from shared.testing.clocks import NOON
from shared.testing.decider_spec import DeciderSpec

spec = DeciderSpec(feed)
LATER = NOON + timedelta(hours=1)


def started(run_id: str) -> events.SyncRunStarted:
    return events.SyncRunStarted(clinic_id="elm", run_id=run_id, vendor="avimark", mode="full", started_at=NOON)


def received(run_id: str, entity: Literal["client", "patient"] = "client", rows: int = 3) -> events.SyncFileReceived:
    return events.SyncFileReceived(
        clinic_id="elm",
        run_id=run_id,
        entity=entity,
        rows=rows,
        appended=rows,
        unchanged=0,
        rejected=0,
        received_at=NOON,
    )


def abandoned(run_id: str) -> events.SyncRunAbandoned:
    return events.SyncRunAbandoned(clinic_id="elm", run_id=run_id, reason="another run began", abandoned_at=LATER)


COMPLETED = events.SyncRunCompleted(
    clinic_id="elm", run_id="r1", vendor="avimark", mode="full", started_at=NOON, completed_at=LATER
)
START_SECOND = StartRun("elm", "r2", "avimark", "full", LATER)
COMPLETE = CompleteRun("r1", {"client": 3, "patient": 5}, LATER)
FILES = (received("r1"), received("r1", "patient", 5))


def test_the_first_run_starts() -> None:
    spec.given().when(StartRun("elm", "r1", "avimark", "full", NOON)).then(started("r1"))


def test_a_second_run_abandons_the_open_one() -> None:
    second = started("r2").model_copy(update={"started_at": LATER})
    spec.given(started("r1")).when(START_SECOND).then(abandoned("r1"), second)


def test_a_run_after_a_completed_one_abandons_nothing() -> None:
    second = started("r2").model_copy(update={"started_at": LATER})
    spec.given(started("r1"), COMPLETED).when(START_SECOND).then(second)


def test_starting_the_open_run_again_changes_nothing() -> None:
    spec.given(started("r2")).when(START_SECOND).then_nothing_happens()


def test_a_file_is_recorded_and_the_same_outcome_again_is_not() -> None:
    file = received("r1")
    spec.given(started("r1")).when(RecordFile("r1", file)).then(file)
    again = file.model_copy(update={"received_at": LATER})
    spec.given(started("r1"), file).when(RecordFile("r1", again)).then_nothing_happens()


def test_another_file_in_its_place_is_recorded() -> None:
    other = received("r1", rows=4)
    spec.given(started("r1"), received("r1")).when(RecordFile("r1", other)).then(other)


def test_a_whole_run_is_completed_once() -> None:
    spec.given(started("r1"), *FILES).when(COMPLETE).then(COMPLETED)
    spec.given(started("r1"), *FILES, COMPLETED).when(COMPLETE).then_nothing_happens()


@pytest.mark.parametrize(("files", "told"), [(FILES, "{'client': 3, 'patient': 5}"), ((), "no file")])
def test_what_was_received_is_told_to_who_declared_otherwise(
    files: tuple[events.SyncFileReceived, ...], told: str
) -> None:
    with pytest.raises(Refused, match=f"^Received: {told}.$"):
        feed.decide(CompleteRun("r1", {"client": 4}, LATER), feed.fold([started("r1"), *files]))


@pytest.mark.parametrize("declared", [{"client": 3, "patient": 6}, {"client": 3}, {"client": 0, "patient": 5}, {}])
def test_formats_7_25_a_run_whose_counts_differ_stays_open(declared: dict[Literal["client", "patient"], int]) -> None:
    spec.given(started("r1"), *FILES).when(CompleteRun("r1", declared, LATER)).then_refused("counts-mismatch")


def test_formats_7_25_an_empty_run_that_declares_rows_is_not_complete() -> None:
    spec.given(started("r1")).when(COMPLETE).then_refused("counts-mismatch")


def test_a_file_of_an_abandoned_run_is_refused() -> None:
    file = RecordFile("r1", received("r1"))
    spec.given(started("r1"), abandoned("r1"), started("r2")).when(file).then_refused("run-not-open")
    spec.given(started("r1"), COMPLETED).when(file).then_refused("run-not-open")


def test_an_abandoned_run_cannot_be_completed() -> None:
    spec.given(started("r1"), *FILES, abandoned("r1"), started("r2")).when(COMPLETE).then_refused("run-not-open")


def test_a_run_that_never_was_is_not_found() -> None:
    spec.given(started("r1")).when(RecordFile("r9", received("r9"))).then_refused("not-found")
    spec.given().when(COMPLETE).then_refused("not-found")


def test_only_the_newest_closed_runs_are_remembered() -> None:
    history = [event for n in range(REMEMBERED + 1) for event in (started(f"r{n}"), abandoned(f"r{n}"))]
    spec.given(*history).when(RecordFile("r0", received("r0"))).then_refused("not-found")
    spec.given(*history).when(RecordFile("r1", received("r1"))).then_refused("run-not-open")


def test_a_file_that_belongs_to_no_open_run_changes_nothing() -> None:
    assert feed.fold([started("r1"), COMPLETED, received("r1")]) == feed.fold([started("r1"), COMPLETED])


def test_a_feed_knows_which_of_its_closed_runs_were_completed() -> None:
    assert feed.fold([started("r0"), abandoned("r0"), started("r1"), COMPLETED]).closed == (("r0", False), ("r1", True))
