"""Regular expressions of strangers: none may keep the event loop busy for long.

Python's engine tries one way after the other to match, and some short expressions have more ways than anybody can wait
for. So the ways are counted before an expression is used: a product along a sequence, a sum over alternatives, a power
for a repeated choice. What esdbclient sends, and any list of plain names and prefixes, is far below the limit.
"""

import re
from collections.abc import Sequence
from importlib import import_module
from math import prod
from typing import Any

LONGEST_NAME = 512
"""How many characters of a name an expression gets to see; streams and types with longer names are not accepted."""

LONGEST_EXPRESSION = 16_384
MOST_WAYS = 2 * LONGEST_NAME**3
"""Up to three repetitions along one path, which took 0.02-0.2 s on the worst name of full length."""

# What the compiler itself works on; the module has this name since Python 3.11.
_parser: Any = import_module("re._parser")

Items = Sequence[tuple[Any, Any]]


class BadExpressionError(ValueError):
    """The expression cannot be used; the text says why."""


def compile_bounded(expression: str) -> re.Pattern[str]:
    """Errors: BadExpressionError if it does not compile, is too long, or has too many ways to match."""
    if len(expression) > LONGEST_EXPRESSION:
        raise BadExpressionError(f"a regular expression has at most {LONGEST_EXPRESSION} characters")
    try:
        ways = count_ways(expression)
        if ways > MOST_WAYS:
            raise BadExpressionError("this regular expression repeats too much: use prefixes, or fewer `*` and `+`")
        return re.compile(expression)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadExpressionError(f"invalid regular expression: {error}") from error


def count_ways(expression: str) -> int:
    """How many ways the engine may try on a name of LONGEST_NAME; more than MOST_WAYS counts as MOST_WAYS + 1.

    Errors: re.error, RecursionError, OverflowError, BadExpressionError.
    """
    parsed = _parser.parse(expression)
    several_lines = bool(parsed.state.flags & re.MULTILINE)
    return _bounded(
        sum(_ways(path) * (1 if _anchored(path) and not several_lines else LONGEST_NAME) for path in _paths(parsed))
    )


def _paths(items: Items) -> Sequence[Items]:
    """The alternatives an expression consists of."""
    if len(items) == 1 and str(items[0][0]) == "BRANCH":
        return list(items[0][1][1])
    return [items]


def _anchored(items: Items) -> bool:
    """Whether it can only match from the beginning, so that the search does not try every character."""
    return bool(items) and str(items[0][0]) == "AT" and str(items[0][1]) in ("AT_BEGINNING", "AT_BEGINNING_STRING")


def _ways(items: Items) -> int:
    return _bounded(prod(_ways_of(str(operation), argument) for operation, argument in items))


def _ways_of(operation: str, argument: Any) -> int:
    match operation:
        case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN" | "AT":
            return 1
        case "BRANCH":
            return sum(_ways(path) for path in argument[1])
        case "SUBPATTERN":
            return _ways(argument[3])
        case "ASSERT" | "ASSERT_NOT":
            return _ways(argument[1])
        case "ATOMIC_GROUP":
            return _ways(argument)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _ways_of_repeating(*argument)
        case _:
            raise BadExpressionError("groups that refer to other groups are not offered in filters")


def _ways_of_repeating(least: int, most: Any, items: Items) -> int:
    longest = min(int(most), LONGEST_NAME)
    choices = max(longest - int(least), 0) + 1
    # A repeated choice is taken anew each time; more than 64 doublings are too many anyhow.
    return choices * int(_ways(items) ** min(longest, 64))


def _bounded(ways: int) -> int:
    return min(ways, MOST_WAYS + 1)
