from datetime import timedelta

from pims_sync.domain.client import Erased, Unseen
from pims_sync.domain.patient import Synced, patient
from pims_sync.projections import client_record, patient_record
from pims_sync.projections.client_record import ClientRecord, client_records
from pims_sync.projections.patient_record import patient_records
from pims_sync.projections.rejected_rows import RejectedRows, rejected_rows
from pims_sync.projections.sync_feed import SHOWN, sync_feeds
from shared.events import pims_sync as events
from shared.testing.clocks import NOON
from shared.testing.projection_spec import ProjectionSpec

LATER = NOON + timedelta(hours=1)
PATIENT = events.PatientSynced(
    clinic_id="elm",
    patient_id="42",
    vendor="avimark",
    owners=(events.Ownership(client_id="7"),),
    fingerprint="f1",
    row_digest="d1",
    observed_at=NOON,
)
DIED = events.PatientDied(clinic_id="elm", patient_id="42", observed_at=LATER)
CLIENT = events.ClientSynced(
    clinic_id="elm", client_id="7", vendor="avimark", last_name="Hill", fingerprint="f1", observed_at=NOON
)
ERASED = events.ClientErased(clinic_id="elm", client_id="7", erased_at=LATER)
STARTED = events.SyncRunStarted(clinic_id="elm", run_id="r1", vendor="avimark", mode="full", started_at=NOON)
FILE = events.SyncFileReceived(
    clinic_id="elm",
    run_id="r1",
    entity="client",
    rows=3,
    appended=1,
    unchanged=1,
    rejected=1,
    received_at=LATER,
)


def test_a_patient_record_is_the_state_that_its_stream_has() -> None:
    revived = events.PatientRevived(clinic_id="elm", patient_id="42", observed_at=LATER)
    for history in ((PATIENT,), (PATIENT, DIED), (PATIENT, DIED, revived)):
        view = ProjectionSpec(patient_records).given(*history).view()
        assert patient_record.state_of(view) == patient.fold(history)
    assert isinstance(patient.fold((PATIENT,)), Synced)


def test_a_patient_record_survives_being_stored_between_events() -> None:
    spec = ProjectionSpec(patient_records).given(PATIENT, DIED)
    spec.then_fields(fingerprint="f1", row_digest="d1", dead=True, owners=("7",))


def test_a_client_record_holds_nothing_of_the_client() -> None:
    view = ProjectionSpec(client_records).given(CLIENT).view()
    assert view is not None
    assert "Hill" not in view.model_dump_json()
    assert client_record.state_of(None) == Unseen()


def test_an_erased_client_stays_known_as_erased() -> None:
    spec = ProjectionSpec(client_records).given(CLIENT, ERASED)
    spec.then(ClientRecord(erased=True))
    assert client_record.state_of(spec.view()) == Erased()


def test_a_feed_shows_its_runs_newest_first() -> None:
    second = STARTED.model_copy(update={"run_id": "r2"})
    abandoned = events.SyncRunAbandoned(clinic_id="elm", run_id="r1", reason="another run began", abandoned_at=LATER)
    view = ProjectionSpec(sync_feeds).given(STARTED, FILE, abandoned, second).view()
    assert view is not None
    assert [(run.run_id, run.status) for run in view.runs] == [("r2", "open"), ("r1", "abandoned")]
    first = view.run("r1")
    assert first is not None
    assert (first.closed_at, first.files[0].rows) == (LATER, 3)


def test_a_file_sent_again_replaces_its_summary() -> None:
    more = FILE.model_copy(update={"rows": 4, "appended": 2})
    completed = events.SyncRunCompleted(
        clinic_id="elm", run_id="r1", vendor="avimark", mode="full", started_at=NOON, completed_at=LATER
    )
    view = ProjectionSpec(sync_feeds).given(STARTED, FILE, more, completed).view()
    assert view is not None
    assert [(file.rows, view.runs[0].status) for file in view.runs[0].files] == [(4, "completed")]


def test_a_feed_shows_a_bounded_number_of_runs() -> None:
    runs = [STARTED.model_copy(update={"run_id": f"r{n}"}) for n in range(SHOWN + 2)]
    view = ProjectionSpec(sync_feeds).given(*runs).view()
    assert view is not None
    assert (len(view.runs), view.runs[0].run_id) == (SHOWN, f"r{SHOWN + 1}")


def test_the_newest_batch_of_rejects_counts() -> None:
    reject = events.Reject(line=2, field="DOB", code="not-a-date", reason="No date.")
    batch = events.RowsRejected(clinic_id="elm", run_id="r1", entity="patient", rejects=(reject,), rejected_at=NOON)
    other = batch.model_copy(update={"rejects": (reject.model_copy(update={"line": 3}),)})
    ProjectionSpec(rejected_rows).given(batch, other).then(RejectedRows(rejects=other.rejects))
