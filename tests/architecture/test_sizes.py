"""Budgets (design 5): short files and functions, and names that say what is inside."""

from pathlib import PurePath
from statistics import median

import pytest

from tests.architecture.sources import ROOT, SERVICE_FOLDERS, functions, is_test, python_files, text

FILE, DOMAIN_FILE, FUNCTION, MEDIAN_FUNCTION, PAGE = 300, 150, 40, 8, 120
SAYING_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
PARTS = ("shared/kernel/", "shared/events/", "shared/chassis/", "services/", "deploy/", "ops/")


def _lines(name: str) -> int:
    return len((text(name) or "").splitlines())


def test_a_file_has_300_lines_at_most() -> None:
    assert {name: lines for name in python_files() if (lines := _lines(name)) > FILE} == {}


def test_a_domain_file_has_150_lines_at_most() -> None:
    domain = [name for name in python_files("services/") if "/domain/" in name and not is_test(name)]
    assert domain
    assert {name: lines for name in domain if (lines := _lines(name)) > DOMAIN_FILE} == {}


def test_a_function_has_40_lines_at_most() -> None:
    every = [(name, function, lines) for name in python_files() for function, lines in functions(name)]
    assert [found for found in every if found[2] > FUNCTION] == []


@pytest.mark.parametrize("below", PARTS)
def test_half_of_the_functions_have_8_lines_at_most(below: str) -> None:
    lengths = [lines for name in python_files(below) if not is_test(name) for _, lines in functions(name)]
    assert median(lengths) <= MEDIAN_FUNCTION


def test_no_name_says_nothing() -> None:
    words = {name: {part.removesuffix(".py") for part in PurePath(name).parts} for name in python_files()}
    assert [name for name, parts in words.items() if parts & SAYING_NOTHING] == []


def test_every_service_has_a_page_about_itself_that_is_no_book() -> None:
    pages = [f"services/{folder}/README.md" for folder in SERVICE_FOLDERS]
    assert [page for page in pages if not (ROOT / page).exists()] == []
    assert {page: lines for page in pages if not 5 < (lines := _lines(page)) <= PAGE} == {}
