import re

import pytest
from esdbclient.common import construct_filter_exclude_regex, construct_filter_include_regex

from deploy.embedded.eventstore.expressions import (
    LONGEST_EXPRESSION,
    LONGEST_NAME,
    MOST_WAYS,
    BadExpressionError,
    compile_bounded,
    count_ways,
)

N = LONGEST_NAME


@pytest.mark.parametrize(
    ("expression", "ways"),
    [
        ("^abc$", 1),
        ("abc", N),
        ("^a.*", N + 1),
        ("^a+", N),
        ("^a?b{2,4}", 2 * 3),
        ("^[a-z]{3}", 1),
        ("^(?:ab)*", N + 1),
        ("^(one|two|three)", 3),
        ("^one|two", 1 + N),
        ("^(a|b)(c|d)", 1),
        ("^(a|ab)(c|cd)", 4),
        ("^(ab|cd){3}", 8),
        ("(?m)^a", N),
        ("^(?!(a.*$|b$))", N + 1 + 1),
        ("^(a?){200}", MOST_WAYS + 1),
        ("^(a+)+$", MOST_WAYS + 1),
    ],
)
def test_the_ways_to_match_are_counted(expression: str, ways: int) -> None:
    assert count_ways(expression) == ways


@pytest.mark.parametrize(
    "expression",
    [
        construct_filter_exclude_regex((r"\$.+", r"PersistentConfig\d+")),
        construct_filter_include_regex([rf"referral\.{word}\.v[0-9]+" for word in ("Sent", "Accepted", "Closed") * 30]),
        construct_filter_include_regex(["pims-sync.*", "portal.*"]),
        r"^[^\$].*",
        "^(scheduling|messaging)-[0-9a-f-]+$",
        "a.*b",
    ],
)
def test_what_clients_send_is_accepted(expression: str) -> None:
    assert compile_bounded(expression) == re.compile(expression)


@pytest.mark.parametrize(
    "expression",
    ["(a+)+$", "(a|a)*b", "(a|ab)*c", "(a?){40}a{40}", "^(.*a){20}", "a*a*a*a*b", "(.*)*x", "((a*)*)*", "(x+x+)+y"],
)
def test_what_takes_for_ever_is_refused(expression: str) -> None:
    with pytest.raises(BadExpressionError, match="repeats too much"):
        compile_bounded(expression)


@pytest.mark.parametrize("expression", [r"(a*)\1", r"(a)?(?(1)b|c)", "(", "a{99999999999}", "(" * 5000 + ")" * 5000])
def test_what_cannot_be_judged_is_refused(expression: str) -> None:
    with pytest.raises(BadExpressionError):
        compile_bounded(expression)


def test_an_expression_is_not_longer_than_it_may_be() -> None:
    compile_bounded("a" * LONGEST_EXPRESSION)
    with pytest.raises(BadExpressionError, match="at most"):
        compile_bounded("a" * (LONGEST_EXPRESSION + 1))
