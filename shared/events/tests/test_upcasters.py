"""Old versions become new ones: always, the same way, and only once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import catalogue
from shared.events.base import REGISTRY
from shared.events.pims_sync import Coded, Ownership, PatientSynced
from shared.events.upcasters import UPCASTERS, newest, upcast, upcaster

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
OLD_FIELDS = st.sampled_from(["breed", "client_id", "breeds", "owners", "name"]) | st.text(max_size=8)
PAYLOADS = st.dictionaries(OLD_FIELDS, JSON, max_size=6)
RETIRED = catalogue.retired()


@pytest.fixture
def three_versions(own_registry: None) -> list[str]:
    names = ["sample.Moved.v1", "sample.Moved.v2", "sample.Moved.v3"]

    @upcaster(names[0], names[1])
    def _second(data: dict[str, Any]) -> dict[str, Any]:
        return data | {"steps": [*data.get("steps", []), "second"]}

    @upcaster(names[1], names[2])
    def _third(data: dict[str, Any]) -> dict[str, Any]:
        return data | {"steps": [*data.get("steps", []), "third"]}

    return names


def test_there_is_an_old_version_to_test_with() -> None:
    assert "pims-sync.PatientSynced.v1" in RETIRED


@pytest.mark.parametrize("old", RETIRED)
def test_every_old_name_leads_to_an_event_that_is_declared(old: str) -> None:
    assert newest(old) in catalogue.registered()
    assert old not in REGISTRY


@given(st.sampled_from(RETIRED), PAYLOADS)
def test_upcasting_is_total(old: str, data: dict[str, Any]) -> None:
    name, newer = upcast(old, data)
    assert name == newest(old)
    assert isinstance(newer, dict)


@given(st.sampled_from(RETIRED), PAYLOADS)
def test_upcasting_the_newest_changes_nothing(old: str, data: dict[str, Any]) -> None:
    once = upcast(old, data)
    assert upcast(*once) == once


@given(st.sampled_from(RETIRED), PAYLOADS)
def test_upcasting_leaves_what_was_stored_alone(old: str, data: dict[str, Any]) -> None:
    before = dict(data)
    upcast(old, data)
    assert data == before


@given(st.sampled_from(sorted(catalogue.registered())), PAYLOADS)
def test_an_event_of_the_newest_version_comes_back_as_it_is(name: str, data: dict[str, Any]) -> None:
    assert upcast(name, data) == (name, data)


def test_a_chain_is_the_composition_of_its_steps(three_versions: list[str]) -> None:
    first, second, third = three_versions
    name, data = upcast(first, {"steps": []})
    step_by_step = UPCASTERS[second][1](UPCASTERS[first][1]({"steps": []}))
    assert (name, data) == (third, step_by_step)
    assert data["steps"] == ["second", "third"]


def test_a_chain_is_entered_anywhere(three_versions: list[str]) -> None:
    assert upcast(three_versions[1], {})[1] == {"steps": ["third"]}


def test_there_is_one_way_out_of_a_version(three_versions: list[str]) -> None:
    with pytest.raises(ValueError, match=r"no second way out of sample\.Moved\.v1"):
        upcaster(three_versions[0], "sample.Moved.v9")(dict)


def test_steps_do_not_go_in_a_circle(three_versions: list[str]) -> None:
    with pytest.raises(ValueError, match="leads back"):
        upcaster(three_versions[2], three_versions[0])(dict)
    with pytest.raises(ValueError, match="leads back"):
        upcaster("sample.Still.v1", "sample.Still.v1")(dict)


def test_the_first_patients_had_one_breed_and_one_owner() -> None:
    data = {"clinic_id": "elm", "patient_id": "p", "vendor": "avimark", "breed": "Boxer", "client_id": "c"}
    _, newer = upcast("pims-sync.PatientSynced.v1", data | {"fingerprint": "f", "observed_at": "2026-03-02T09:30:00Z"})
    patient = PatientSynced.model_validate(newer)
    assert patient.breeds == (Coded(code=None, text="Boxer"),)
    assert patient.owners == (Ownership(client_id="c", primary=True),)
    assert not {"breed", "client_id"} & newer.keys()


def test_the_first_patients_could_lack_breed_and_owner() -> None:
    _, newer = upcast("pims-sync.PatientSynced.v1", {"breed": None})
    assert (newer["breeds"], newer["owners"]) == ([], [])
