import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.embedded.eventstore.filters import BadFilterError, CheckpointCounter, Row, build_filter


def row(type_: str = "T", stream: str = "s-1") -> Row:
    return (1, stream, 0, type_, b"")


@pytest.mark.parametrize(
    ("regex", "name", "matches"),
    [
        (r"^(?!(\$.+$|PersistentConfig\d+$))", "Happened", True),
        (r"^(?!(\$.+$|PersistentConfig\d+$))", "$metadata", False),
        (r"^(?!(\$.+$|PersistentConfig\d+$))", "PersistentConfig1", False),
        # `^a|b$` binds as `(^a)|(b$)`: searched, not matched as a whole
        ("^one|two$", "one and more", True),
        ("^one|two$", "before two", True),
        ("^one|two$", "two and more", False),
    ],
)
def test_an_expression_is_searched_for(regex: str, name: str, matches: bool) -> None:
    assert build_filter(False, regex, ()).matches(row(type_=name)) is matches


def test_a_filter_looks_at_the_type_or_at_the_stream() -> None:
    assert build_filter(True, "", ("patient-", "client-")).matches(row(stream="client-1"))
    assert not build_filter(True, "", ("patient-",)).matches(row(type_="patient-", stream="x"))
    assert build_filter(False, "", ("pims",)).matches(row(type_="pims-sync.PatientSynced.v1"))


def test_more_names_than_are_remembered_are_still_judged_right() -> None:
    chosen = build_filter(True, "7$", ())
    assert [chosen.matches(row(stream=str(n))) for n in range(20_000)].count(True) == 2000


@pytest.mark.parametrize("regex", ["(", "*a", "a{99999999999}", ""])
def test_an_unusable_expression_is_refused(regex: str) -> None:
    with pytest.raises(BadFilterError):
        build_filter(False, regex, ())


def test_a_checkpoint_is_due_after_every_interval_of_considered_events() -> None:
    counter = CheckpointCounter(3, start=0)
    assert [position for position in range(10, 100, 10) if counter.consider(position)] == [30, 60, 90]


def test_the_end_of_a_catch_up_gives_a_checkpoint_only_if_it_advances() -> None:
    counter = CheckpointCounter(3, start=5)
    assert counter.catch_up() is None
    counter.consider(10)
    assert counter.catch_up() == 10
    assert counter.catch_up() is None
    assert counter.remaining == 3


@given(st.integers(1, 7), st.lists(st.booleans(), max_size=60))
def test_checkpoints_never_repeat_and_never_go_back(interval: int, catch_ups: list[bool]) -> None:
    counter = CheckpointCounter(interval, start=0)
    sent: list[int] = []
    for position, catches_up in enumerate(catch_ups, 1):
        if counter.consider(position):
            sent.append(position)
        if catches_up and (final := counter.catch_up()) is not None:
            sent.append(final)
    assert sent == sorted(set(sent))
    assert all(later - earlier <= interval for earlier, later in zip([0, *sent], sent, strict=False))
