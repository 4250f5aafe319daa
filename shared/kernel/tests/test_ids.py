"""Derived ids: the same wish has the same id, and no other wish has it."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.ids import derived_id, event_id

# The separator itself never occurs: parts are ids and names of handlers.
PARTS = st.lists(st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"])), min_size=1, max_size=4)


def test_ids_are_the_same_in_every_process_and_release() -> None:
    # What was derived once is in stored events and inboxes: these values never change.
    assert derived_id("when_x_then_y/1/0") == UUID("7b8cfb18-e267-5d69-95f6-4d007f8c9814")
    assert derived_id("a", "b") == UUID("a3f63909-ea0f-5238-a02d-2fee5391c27d")
    assert event_id(UUID(int=1), 0) == UUID("6ff55b57-2b5f-5022-ad8b-524631694aa1")


@given(PARTS, PARTS)
def test_different_parts_have_different_ids(one: list[str], other: list[str]) -> None:
    assert (derived_id(*one) == derived_id(*other)) == (one == other)


def test_where_one_part_ends_matters() -> None:
    assert derived_id("a", "bc") != derived_id("ab", "c") != derived_id("abc")


@given(st.uuids(), st.uuids(), st.integers(0, 1000), st.integers(0, 1000))
def test_each_event_of_each_command_has_its_own_id(one: UUID, other: UUID, first: int, second: int) -> None:
    assert (event_id(one, first) == event_id(other, second)) == ((one, first) == (other, second))


def test_an_events_id_is_not_that_of_its_command() -> None:
    assert event_id(UUID(int=1), 0) != UUID(int=1)
