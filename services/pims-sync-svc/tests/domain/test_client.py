from datetime import timedelta
from typing import Any

from pims_sync.domain.client import FIELDS, EraseClient, Erased, SyncClient, Synced, client
from shared.events import pims_sync as events
from shared.testing.clocks import NOON
from shared.testing.decider_spec import DeciderSpec

spec = DeciderSpec(client)
LATER = NOON + timedelta(days=1)


def prints(**changed: str) -> str:
    return "".join(changed.get(name, "00000000") for name in FIELDS)


def record(**fields: Any) -> events.ClientSynced:
    known = {"clinic_id": "elm", "client_id": "7", "vendor": "avimark", "last_name": "Hill", "observed_at": NOON}
    return events.ClientSynced(**{**known, "fingerprint": prints(), **fields})


FIRST = record()
ERASED = events.ClientErased(clinic_id="elm", client_id="7", erased_at=LATER)
ERASE = EraseClient("elm", "7", LATER)


def test_a_client_seen_first_is_taken_as_it_is() -> None:
    spec.given().when(SyncClient(FIRST)).then(FIRST)


def test_an_unchanged_record_is_no_event() -> None:
    spec.given(FIRST).when(SyncClient(record(observed_at=LATER))).then_nothing_happens()


def test_what_changed_is_named() -> None:
    married = record(last_name="Dale", fingerprint=prints(last_name="aaaaaaaa"), observed_at=LATER)
    spec.given(FIRST).when(SyncClient(married)).then(married.model_copy(update={"changed": ("last_name",)}))


def test_formats_7_25_an_older_run_that_arrives_late_changes_nothing() -> None:
    older = record(fingerprint=prints(last_name="aaaaaaaa"), observed_at=NOON - timedelta(days=1))
    spec.given(FIRST).when(SyncClient(older)).then_nothing_happens()


def test_a_client_is_erased_once() -> None:
    spec.given(FIRST).when(ERASE).then(ERASED)
    spec.given(FIRST, ERASED).when(ERASE).then_nothing_happens()


def test_a_client_who_never_was_cannot_be_erased() -> None:
    spec.given().when(ERASE).then_refused("not-found")


def test_an_erased_client_is_never_synced_again() -> None:
    again = record(fingerprint=prints(last_name="aaaaaaaa"), observed_at=LATER + timedelta(days=1))
    spec.given(FIRST, ERASED).when(SyncClient(again)).then_nothing_happens()


def test_two_records_of_the_same_moment_are_both_taken() -> None:
    """A PIMS that exports twice within its clock's second must not lose the second one."""
    other = record(last_name="Dale", fingerprint=prints(last_name="aaaaaaaa"))
    spec.given(FIRST).when(SyncClient(other)).then(other.model_copy(update={"changed": ("last_name",)}))


def test_what_the_next_row_is_compared_with_is_kept() -> None:
    assert client.fold([record(row_digest="row")]) == Synced(prints(), "row", NOON)


def test_nothing_of_an_erased_client_is_kept() -> None:
    assert client.fold([FIRST, ERASED]) == Erased()
