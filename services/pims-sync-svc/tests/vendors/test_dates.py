"""Dates as they are really written; numbers in names are of pims-formats section 7."""

from datetime import date

import pytest

from pims_sync.vendors.dates import read_date

THIS_YEAR = 2026


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2018-03-05", date(2018, 3, 5)),
        ("2018-03-05T00:00:00", date(2018, 3, 5)),
        ("2018-03-05T23:30:00-08:00", date(2018, 3, 5)),
        ("1/13/69", date(1969, 1, 13)),
        ("9/07/1988 0:00", date(1988, 9, 7)),
        ("3/21/1951", date(1951, 3, 21)),
        ("3/21/1951 12:00:00 AM", date(1951, 3, 21)),
        ("03-21-1951", date(1951, 3, 21)),
        ("November 16 2018", date(2018, 11, 16)),
        ("Nov. 16, 2018", date(2018, 11, 16)),
        ("20180305", date(2018, 3, 5)),
        ("2/29/2024", date(2024, 2, 29)),
    ],
)
def test_formats_7_23_mixed_formats_in_one_column(text: str, expected: date) -> None:
    assert read_date(text, False, THIS_YEAR) == (expected, "day")


@pytest.mark.parametrize(
    "text", ["1899-12-30", "12/30/1899", "1900-01-01", "0001-01-01", "1/1/0001", "0", "00/00/0000"]
)
def test_formats_7_21_the_zeros_of_several_systems_are_no_date(text: str) -> None:
    assert read_date(text, False, THIS_YEAR) is None


@pytest.mark.parametrize(
    ("text", "year"), [("1/1/26", 2026), ("1/1/27", 2027), ("1/1/28", 1928), ("1/1/99", 1999), ("1/1/00", 2000)]
)
def test_a_two_digit_year_lies_in_the_last_hundred_years(text: str, year: int) -> None:
    found = read_date(text, False, THIS_YEAR)
    assert found is not None
    assert found[0].year == year


def test_formats_7_23_a_bare_year_says_so() -> None:
    assert read_date("1973", False, THIS_YEAR) == (date(1973, 1, 1), "year")


def test_the_profile_says_whether_the_day_comes_first() -> None:
    assert read_date("3/4/2018", False, THIS_YEAR) == (date(2018, 3, 4), "day")
    assert read_date("3/4/2018", True, THIS_YEAR) == (date(2018, 4, 3), "day")


@pytest.mark.parametrize(
    "text",
    ["0 years", "3 days", "2/30/2018", "13/13/2018", "11", "yesterday", "1700-01-01", "-86400", "1543190400", "43010"],
)
def test_formats_7_21_7_23_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_date(text, False, THIS_YEAR)
