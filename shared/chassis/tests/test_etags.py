import pytest
from fastapi import Request

from shared.chassis.etags import etag, if_match, not_modified, required_if_match
from shared.chassis.problems import Problem


def request_with(name: str, value: str | None) -> Request:
    headers = [] if value is None else [(name.encode(), value.encode())]
    return Request({"type": "http", "headers": headers})


def test_the_tag_is_the_quoted_revision() -> None:
    assert etag(0) == '"0"'


@pytest.mark.parametrize(("value", "revision"), [('"7"', 7), (' "0" ', 0), ("*", None), (None, None)])
def test_if_match_gives_the_revision_counted_on(value: str | None, revision: int | None) -> None:
    assert if_match(request_with("if-match", value)) == revision


@pytest.mark.parametrize("value", ["7", 'W/"7"', '"7", "8"', '"-1"', '"seven"', '"' + "9" * 30 + '"', ""])
def test_if_match_refuses_what_is_not_one_of_our_tags(value: str) -> None:
    with pytest.raises(Problem) as refusal:
        if_match(request_with("if-match", value))
    assert (refusal.value.status, refusal.value.code) == (400, "if-match-malformed")


@pytest.mark.parametrize("value", [None, "*"])
def test_an_operation_that_must_not_be_blind_asks_for_if_match(value: str | None) -> None:
    with pytest.raises(Problem) as refusal:
        required_if_match(request_with("if-match", value))
    assert (refusal.value.status, refusal.value.code) == (428, "if-match-required")


@pytest.mark.parametrize("value", ['"7"', 'W/"7"', '"1", "7"', "*"])
def test_a_known_revision_is_not_sent_again(value: str) -> None:
    response = not_modified(request_with("if-none-match", value), 7)
    assert response is not None
    assert response.status_code == 304
    assert response.headers["etag"] == '"7"'


@pytest.mark.parametrize("value", ['"6"', "", None, "7", 'X/"7"'])
def test_another_revision_is_sent(value: str | None) -> None:
    assert not_modified(request_with("if-none-match", value), 7) is None
