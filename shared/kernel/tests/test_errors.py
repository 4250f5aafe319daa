"""What the write side says when it does not do what was asked."""

from shared.kernel.errors import RevisionMismatch, TooLarge


def test_a_mismatch_says_where_the_stream_is_and_where_it_was_expected() -> None:
    error = RevisionMismatch("patient-elm.42", expected=3, actual=5)
    assert (error.stream, error.expected, error.actual) == ("patient-elm.42", 3, 5)
    assert str(error) == "stream patient-elm.42 is at 5, not at 3"


def test_a_mismatch_may_not_know_where_the_stream_is() -> None:
    assert RevisionMismatch("patient-elm.42", 3).actual is None


def test_an_event_that_is_too_large_says_by_how_much() -> None:
    assert str(TooLarge("patient-elm.42", 12, 10)) == "12 bytes for patient-elm.42 are more than 10"
