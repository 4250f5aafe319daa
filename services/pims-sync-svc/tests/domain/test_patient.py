from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pims_sync.domain.changes import changed_fields
from pims_sync.domain.patient import FIELDS, Synced, SyncPatient, Unseen, patient
from shared.events import pims_sync as events
from shared.testing.clocks import NOON
from shared.testing.decider_spec import DeciderSpec

spec = DeciderSpec(patient)
LATER = NOON + timedelta(days=1)


def prints(**changed: str) -> str:
    """A fingerprint in which the named fields have digests of their own."""
    return "".join(changed.get(name, "00000000") for name in FIELDS)


def record(*, dead: bool = False, owners: tuple[str, ...] = ("7",), **fields: Any) -> events.PatientSynced:
    given_fields = {"clinic_id": "elm", "patient_id": "42", "vendor": "avimark", "observed_at": NOON, **fields}
    owned = tuple(events.Ownership(client_id=owner) for owner in owners)
    on = date(2026, 2, 1) if dead else None
    return events.PatientSynced(
        **{"name": "Rex", "fingerprint": prints(), "row_digest": "row", **given_fields},
        owners=owned,
        death=events.Death(known=dead, on=on),
    )


FIRST = record()
DIED = events.PatientDied(clinic_id="elm", patient_id="42", died_on=date(2026, 2, 1), observed_at=LATER)
REVIVED = events.PatientRevived(clinic_id="elm", patient_id="42", observed_at=LATER)


def test_a_patient_seen_first_is_taken_as_it_is() -> None:
    spec.given().when(SyncPatient(FIRST)).then(FIRST)


def test_a_patient_dead_when_first_seen_is_no_news_of_a_death() -> None:
    dead = record(dead=True)
    spec.given().when(SyncPatient(dead)).then(dead)


def test_an_unchanged_record_is_no_event_however_often_it_comes() -> None:
    spec.given(FIRST).when(SyncPatient(record(observed_at=LATER))).then_nothing_happens()


def test_a_new_name_is_synced_and_named_as_changed() -> None:
    renamed = record(name="Max", fingerprint=prints(name="aaaaaaaa"), observed_at=LATER)
    spec.given(FIRST).when(SyncPatient(renamed)).then(renamed.model_copy(update={"changed": ("name",)}))


def test_formats_7_15_a_death_is_told_once() -> None:
    dead = record(dead=True, fingerprint=prints(death="bbbbbbbb"), observed_at=LATER)
    changed = dead.model_copy(update={"changed": ("death",)})
    spec.given(FIRST).when(SyncPatient(dead)).then(changed, DIED)
    renamed = record(dead=True, name="Max", fingerprint=prints(death="bbbbbbbb", name="aaaaaaaa"), observed_at=LATER)
    spec.given(FIRST, changed, DIED).when(SyncPatient(renamed)).then(renamed.model_copy(update={"changed": ("name",)}))


def test_formats_7_15_a_death_taken_back_is_told() -> None:
    dead = record(dead=True)
    alive = record(fingerprint=prints(death="bbbbbbbb"), observed_at=LATER)
    spec.given(dead).when(SyncPatient(alive)).then(alive.model_copy(update={"changed": ("death",)}), REVIVED)


def test_formats_7_14_a_sold_patient_leaves_its_owner_at_once() -> None:
    sold = record(owners=("9",), fingerprint=prints(owners="cccccccc"), observed_at=LATER)
    ended = events.OwnershipEnded(clinic_id="elm", patient_id="42", client_id="7", observed_at=LATER)
    spec.given(FIRST).when(SyncPatient(sold)).then(sold.model_copy(update={"changed": ("owners",)}), ended)


def test_formats_7_14_a_second_owner_ends_nothing() -> None:
    shared = record(owners=("7", "9"), fingerprint=prints(owners="cccccccc"), observed_at=LATER)
    spec.given(FIRST).when(SyncPatient(shared)).then(shared.model_copy(update={"changed": ("owners",)}))


def test_formats_7_25_an_older_run_that_arrives_late_changes_nothing() -> None:
    newer = record(name="Max", fingerprint=prints(name="aaaaaaaa"), observed_at=LATER)
    spec.given(newer).when(SyncPatient(FIRST)).then_nothing_happens()


def test_what_the_next_row_is_compared_with_is_kept() -> None:
    assert patient.fold([record(owners=("7", "9"))]) == Synced(prints(), "row", NOON, False, ("7", "9"))


def test_each_fact_about_its_life_stands_on_its_own() -> None:
    assert patient.fold([FIRST, DIED]) == Synced(prints(), "row", NOON, True, ("7",))
    assert patient.fold([record(dead=True), REVIVED]) == Synced(prints(), "row", NOON, False, ("7",))
    assert patient.fold([DIED]) == Unseen()


@given(
    before=st.tuples(st.booleans(), st.sampled_from([("7",), ("9",), ("7", "9"), ()])),
    after=st.tuples(st.booleans(), st.sampled_from([("7",), ("9",), ("7", "9"), ()])),
)
def test_deciding_again_has_no_second_effect(before: Any, after: Any) -> None:
    def known(dead: bool, owners: tuple[str, ...]) -> events.PatientSynced:
        name = f"{dead:d}{'-'.join(owners):-<7}"
        return record(dead=dead, owners=owners, fingerprint=prints(death=name), observed_at=LATER)

    first, wish = known(*before), SyncPatient(known(*after))
    state = patient.fold([first])
    for event in patient.decide(wish, state):
        state = patient.evolve(state, event)
    assert patient.decide(wish, state) == []


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("aaaaaaaabbbbbbbb", "aaaaaaaabbbbbbbb", ()),
        ("aaaaaaaabbbbbbbb", "aaaaaaaacccccccc", ("second",)),
        ("aaaaaaaa", "aaaaaaaabbbbbbbb", ("second",)),
    ],
)
def test_a_fingerprint_tells_which_fields_changed(before: str, after: str, changed: tuple[str, ...]) -> None:
    assert changed_fields(("first", "second"), before, after) == changed
