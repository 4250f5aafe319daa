"""A practice system pushes its nightly files."""

from typing import Any

import pytest

from shared.chassis.event_store import Append
from shared.events import pims_sync as events
from shared.events.base import Event
from shared.kernel.errors import RevisionMismatch
from shared.testing.caller import code_of
from shared.testing.clocks import NOON

CLIENTS = "AccountId,LastName,FirstName\n7,Hill,Ann\n9,Dale,Bo\n"
PATIENTS = "ClientAccountId,AccountId,Name,Species,DOB\n7,42,Rex,CANINE,3/21/2011\n9,43,Tom,FELINE,\n,44,,CANINE,1973\n"


def counts(answer: Any) -> tuple[int, int, int, int]:
    body = answer.json()
    assert answer.status_code == 200, body
    assert body["rows"] == body["appended"] + body["unchanged"] + body["rejected"]
    return body["rows"], body["appended"], body["unchanged"], body["rejected"]


def of_type(practice: Any, kind: type[Event]) -> list[Any]:
    return [event for event in practice.api.events() if isinstance(event, kind)]


def test_a_whole_run(practice: Any) -> None:
    run = practice.start()
    assert counts(practice.send(run, "client", CLIENTS)) == (2, 2, 0, 0)
    assert counts(practice.send(run, "patient", PATIENTS)) == (3, 3, 0, 0)
    assert practice.complete(run, client=2, patient=3).status_code == 200
    assert [event.name for event in of_type(practice, events.PatientSynced)] == ["Rex", "Tom", None]
    assert [event.last_name for event in of_type(practice, events.ClientSynced)] == ["Hill", "Dale"]
    shown = practice.pims.get(f"/runs/{run}").json()
    assert (shown["status"], [file["rows"] for file in shown["files"]]) == ("completed", [2, 3])


@pytest.mark.parametrize("mode", ["full", "delta"])
def test_an_unchanged_second_run_appends_nothing(practice: Any, mode: str) -> None:
    practice.send(practice.start(), "patient", PATIENTS)
    before = practice.api.events()
    answer = practice.send(practice.start(mode), "patient", PATIENTS)
    assert counts(answer) == (3, 0, 3, 0)
    new = practice.api.events()[len(before) :]
    assert {type(event).__name__ for event in new} == {"SyncRunAbandoned", "SyncRunStarted", "SyncFileReceived"}


@pytest.mark.parametrize("mode", ["full", "delta"])
def test_only_what_changed_is_appended(practice: Any, mode: str) -> None:
    practice.send(practice.start(), "patient", PATIENTS)
    answer = practice.send(practice.start(mode), "patient", PATIENTS.replace("Tom", "Tim"))
    assert counts(answer) == (3, 1, 2, 0)
    assert of_type(practice, events.PatientSynced)[-1].changed == ("name",)


@pytest.mark.parametrize("mode", ["full", "delta"])
def test_a_row_that_is_written_differently_and_means_the_same_is_unchanged(practice: Any, mode: str) -> None:
    practice.send(practice.start(), "patient", PATIENTS)
    answer = practice.send(practice.start(mode), "patient", PATIENTS.replace("3/21/2011", "2011-03-21"))
    assert counts(answer) == (3, 0, 3, 0)


def test_a_full_first_run_asks_for_no_record(practice: Any) -> None:
    practice.send(practice.start(), "patient", PATIENTS)
    practice.send(practice.start(), "patient", PATIENTS.replace("Tom", "Tim"))
    assert practice.records.asked == ["patient-elm.43"]


def test_a_file_that_is_sent_again_has_the_same_outcome_and_no_new_event(practice: Any) -> None:
    run = practice.start()
    bad = PATIENTS + ",45,Max,CANINE,never\n"
    first = practice.send(run, "patient", bad)
    before = practice.api.events()
    again = practice.send(run, "patient", bad)
    assert first.json() == again.json()
    assert practice.api.events() == before


def test_a_retry_whose_view_lags_behind_writes_nothing_twice(practice: Any) -> None:
    run = practice.start()
    practice.send(run, "patient", PATIENTS)
    before = practice.api.events()
    practice.records.lag = len(before) - 1
    assert counts(practice.send(run, "patient", PATIENTS)) == (3, 3, 0, 0)
    assert practice.api.events() == before


def test_a_view_that_lags_behind_costs_a_second_decision_and_no_wrong_event(practice: Any) -> None:
    practice.send(practice.start(), "patient", PATIENTS)
    renamed = PATIENTS.replace("Tom", "Tim")
    practice.send(practice.start(), "patient", renamed)
    practice.records.lag = 2
    run = practice.start()
    practice.records.lag = 4
    assert counts(practice.send(run, "patient", renamed.replace("Tim", "Kit"))) == (3, 1, 2, 0)
    named = of_type(practice, events.PatientSynced)[-1]
    assert (named.name, named.changed) == ("Kit", ("name",))


def test_no_row_is_read_before_the_views_have_caught_up(practice: Any) -> None:
    run = practice.start()
    practice.records.is_late = True
    answer = practice.send(run, "patient", PATIENTS)
    assert code_of(answer) == (503, "view-behind")
    assert answer.headers["retry-after"] == "10"
    assert of_type(practice, events.PatientSynced) == []


def test_races_are_settled_stream_by_stream(practice: Any) -> None:
    store, sent = practice.api.store, []
    real = store.append_many

    async def first_one_loses(appends: list[Append], timeout: float = 30.0) -> list[int | RevisionMismatch]:
        sent.append(len(appends))
        await store.given(appends[0].stream, appends[0].events[0][1].model_copy(update={"name": "Fix"}))
        return list(await real(appends))

    store.append_many = first_one_loses
    assert counts(practice.send(practice.start(), "patient", PATIENTS)) == (3, 2, 1, 0)
    assert sent == [3]


def test_a_new_run_abandons_the_open_one_and_its_files_are_refused(practice: Any) -> None:
    old = practice.start()
    practice.start()
    assert code_of(practice.send(old, "client", CLIENTS)) == (409, "run-not-open")
    assert code_of(practice.complete(old)) == (409, "run-not-open")
    assert practice.pims.get(f"/runs/{old}").json()["status"] == "abandoned"


def test_an_upload_stops_when_its_run_is_abandoned(practice: Any) -> None:
    run, store = practice.start(), practice.api.store
    real = store.append_many

    async def abandoning(appends: list[Append], timeout: float = 30.0) -> list[int | RevisionMismatch]:
        if not any(event.type == events.SyncRunAbandoned.type_name for event in store.log):
            told = events.SyncRunAbandoned(clinic_id="elm", run_id=run, reason="another run began", abandoned_at=NOON)
            await store.given("feed-elm", told)
        return list(await real(appends))

    store.append_many = abandoning
    rows = "".join(f",{n},Rex,CANINE,\n" for n in range(2000))
    answer = practice.send(run, "patient", "ClientAccountId,AccountId,Name,Species,DOB\n" + rows)
    assert code_of(answer) == (409, "run-not-open")
    assert len(of_type(practice, events.PatientSynced)) < 2000


def test_starting_a_run_again_with_the_same_key_is_the_same_run(practice: Any) -> None:
    assert practice.start(key="night-1") == practice.start(key="night-1")
    assert len(of_type(practice, events.SyncRunStarted)) == 1


def test_formats_7_25_counts_that_differ_leave_the_run_open(practice: Any) -> None:
    run = practice.start()
    practice.send(run, "client", CLIENTS)
    assert code_of(practice.complete(run, client=3)) == (409, "counts-mismatch")
    assert code_of(practice.complete(run, client=2, patient=1)) == (409, "counts-mismatch")
    assert practice.complete(run, client=2).status_code == 200


def test_ndjson_is_the_same_file_in_another_form(practice: Any) -> None:
    practice.send(practice.start(), "client", CLIENTS)
    lines = '{"AccountId":7,"LastName":"Hill","FirstName":"Ann"}\n{"AccountId":"9","LastName":"Dale","FirstName":"Bo"}'
    answer = practice.send(practice.start(), "client", lines, **{"Content-Type": "application/x-ndjson"})
    assert counts(answer) == (2, 0, 2, 0)


def test_formats_7_14_a_sold_patient_and_7_15_a_death_are_facts_of_their_own(practice: Any) -> None:
    header = "ClientAccountId,AccountId,Name,Species,flgDeceased\n"
    practice.send(practice.start(), "patient", header + "7,42,Rex,CANINE,N\n")
    practice.send(practice.start(), "patient", header + "9,42,Rex,CANINE,Y\n")
    facts = [type(event).__name__ for event in practice.api.events("patient-elm.42")]
    assert facts == ["PatientSynced", "PatientSynced", "PatientDied", "OwnershipEnded"]


def test_erasing_a_client_destroys_the_key_and_stops_the_sync(practice: Any) -> None:
    practice.send(practice.start(), "client", CLIENTS)
    staff = practice.api.caller()
    assert staff.post("/clients/7/erase").json() == staff.post("/clients/7/erase").json()
    changed = CLIENTS.replace("Hill", "Moor")
    assert counts(practice.send(practice.start(), "client", changed)) == (2, 0, 2, 0)
    assert len(of_type(practice, events.ClientErased)) == 1
    assert [event.last_name for event in of_type(practice, events.ClientSynced)] == [None, "Dale"]


def test_a_client_who_never_was_cannot_be_erased(practice: Any) -> None:
    assert code_of(practice.api.caller().post("/clients/77/erase")) == (404, "not-found")
    assert code_of(practice.pims.post("/clients/77/erase")) == (403, "role-not-allowed")
