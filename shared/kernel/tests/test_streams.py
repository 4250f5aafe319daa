"""Names of streams: two things never meet in one, whatever their ids look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.streams import category_of, clinic_of, key_of, stream_name

CATEGORIES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
CLINICS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
LOCAL_IDS = st.text(max_size=30)
NASTY = ["-", ".", "..", "a-b.c-d", "patient-elm.42", "%2E", "O'Malley", "ß ü", "🐈", "a/b", "$all", "$$x", "\n", " "]


@pytest.mark.parametrize("local_id", NASTY)
def test_nasty_local_ids_keep_their_clinic_and_category(local_id: str) -> None:
    name = stream_name("patient", "elm-west", local_id)
    assert (category_of(name), clinic_of(name)) == ("patient", "elm-west")
    assert key_of(name) == f"elm-west.{local_id}"


@given(CATEGORIES, CLINICS, LOCAL_IDS)
def test_a_name_gives_back_what_it_was_made_of(category: str, clinic_id: str, local_id: str) -> None:
    name = stream_name(category, clinic_id, local_id)
    assert category_of(name) == category
    assert clinic_of(name) == clinic_id
    assert key_of(name).partition(".")[2] == local_id


@given(st.tuples(CATEGORIES, CLINICS, LOCAL_IDS), st.tuples(CATEGORIES, CLINICS, LOCAL_IDS))
def test_different_things_have_different_streams(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assert (stream_name(*one) == stream_name(*other)) == (one == other)


@given(CATEGORIES, CLINICS, LOCAL_IDS)
def test_no_stream_is_taken_for_one_of_the_system(category: str, clinic_id: str, local_id: str) -> None:
    assert not stream_name(category, clinic_id, local_id).startswith("$")


def test_the_clinic_itself_has_a_stream_too() -> None:
    assert stream_name("feed", "elm") == "feed-elm"
    assert clinic_of("feed-elm") == key_of("feed-elm") == "elm"


@pytest.mark.parametrize(
    "category", ["", "Patient", "pa-tient", "pa.tient", "1patient", "$patient", "patient\n", "pät"]
)
def test_a_category_that_could_be_misread_is_refused(category: str) -> None:
    with pytest.raises(ValueError, match="not a category"):
        stream_name(category, "elm", "42")


@pytest.mark.parametrize("clinic_id", ["", "Elm", "elm.oak", "-elm", "elm\n", "e lm", "*", "e" * 64, "ülm"])
def test_a_clinic_that_could_reach_another_ones_streams_is_refused(clinic_id: str) -> None:
    with pytest.raises(ValueError, match="not a clinic id"):
        stream_name("patient", clinic_id, "42")


def test_the_longest_clinic_id_is_one_label_of_a_host_name() -> None:
    assert stream_name("patient", "e" * 63, "42") == f"patient-{'e' * 63}.42"
