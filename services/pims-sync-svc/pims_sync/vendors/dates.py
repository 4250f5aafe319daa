"""Dates as practice systems and spreadsheets write them (pims-formats 7.21, 7.23)."""

import re
from datetime import date
from functools import lru_cache
from typing import Literal

Precision = Literal["day", "year"]
NONE = frozenset({date(1, 1, 1), date(1899, 12, 30), date(1900, 1, 1)})
"""Day zero of .NET, of Delphi and of spreadsheets: there is no date."""

_TIME = r"(?:[T ]+\d{1,2}:\d{2}.*)?\Z"
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" + _TIME)
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})" + _TIME)
_SPELT = re.compile(r"([A-Za-z]{3,9})\.? +(\d{1,2}),? +(\d{4})" + _TIME)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})\Z")
_YEAR = re.compile(r"(\d{4})\Z")
_NOTHING = re.compile(r"[0/.:\- ]*\Z")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_OLDEST = 1900


@lru_cache(maxsize=8192)
def read_date(text: str, day_first: bool, this_year: int) -> tuple[date, Precision] | None:
    """The calendar day as it stands there, without any shift of zones; None for the ways of writing "no date".

    A two-digit year lies in the hundred years up to the end of the next one. ValueError if it is no date.
    """
    if _NOTHING.match(text):
        return None
    if only := _YEAR.match(text):
        return date(_plausible(int(only[1])), 1, 1), "year"
    found = date(*_parts(text, day_first, this_year))
    if found in NONE:
        return None
    _plausible(found.year)
    return found, "day"


def _parts(text: str, day_first: bool, this_year: int) -> tuple[int, int, int]:
    if found := _YEAR_FIRST.match(text) or _COMPACT.match(text):
        return int(found[1]), int(found[2]), int(found[3])
    if found := _YEAR_LAST.match(text):
        first, second = int(found[1]), int(found[2])
        month, day = (second, first) if day_first else (first, second)
        return _full_year(found[3], this_year), month, day
    if (found := _SPELT.match(text)) and (month_name := found[1][:3].lower()) in _MONTHS:
        return int(found[3]), _MONTHS.index(month_name) + 1, int(found[2])
    raise ValueError("not a date")


def _full_year(digits: str, this_year: int) -> int:
    if len(digits) == 4:
        return int(digits)
    year = this_year - this_year % 100 + int(digits)
    return year if year <= this_year + 1 else year - 100


def _plausible(year: int) -> int:
    if year < _OLDEST:
        raise ValueError("too long ago")
    return year
