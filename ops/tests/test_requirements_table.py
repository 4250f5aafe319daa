"""The table of rules is made from the names of tests."""

from pathlib import Path

import pytest

from ops.requirements_table import BEGIN, END, citations, requirements, rules_cited
from ops.rules import RULES


def _page(tmp_path: Path, *tests: str) -> str:
    path = tmp_path / "services" / "portal-svc" / "tests" / "test_pets.py"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(f"def {test}() -> None: ..." for test in tests), encoding="utf-8")
    return requirements(BEGIN + END, tmp_path)


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("test_r54_overdue_reminders_are_shown", ["R54"]),
        ("test_r85_r90_a_request_is_listed", ["R85", "R90"]),
        ("test_t7_m11_both_at_once", ["T7", "M11"]),
        ("test_a_word_like_r54_inside_cites_nothing", []),
        ("test_r54", []),
        ("test_m1ght", []),
    ],
)
def test_rules_are_cited_at_the_beginning_of_a_name(name: str, rules: list[str]) -> None:
    assert rules_cited(name) == rules


def test_a_cited_rule_shows_its_tests_and_where_they_are(tmp_path: Path) -> None:
    page = _page(tmp_path, "test_r54_overdue_is_shown", "test_r54_t1_done_is_not")
    assert (
        f"| R54 | {RULES['R54']} | `test_r54_overdue_is_shown` (portal-svc)<br>`test_r54_t1_done_is_not` (portal-svc) |"
        in page
    )
    assert f"| T1 | {RULES['T1']} | `test_r54_t1_done_is_not` (portal-svc) |" in page
    assert "2 of 135 rules have a test that cites them." in page


def test_a_rule_that_no_test_cites_is_not_yet_built(tmp_path: Path) -> None:
    assert f"| R55 | {RULES['R55']} | not yet built |" in _page(tmp_path, "test_r54_overdue_is_shown")


def test_every_rule_is_in_the_table_once(tmp_path: Path) -> None:
    page = _page(tmp_path, "test_nothing")
    assert [line.split(" | ")[0] for line in page.splitlines() if line.startswith(("| R", "| T", "| M"))] == [
        f"| {rule}" for rule in RULES
    ]


def test_a_rule_that_does_not_exist_cannot_be_cited(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such rule: R109"):
        _page(tmp_path, "test_r109_whatever")


def test_methods_of_test_classes_cite_too(tmp_path: Path) -> None:
    path = tmp_path / "tests" / "test_x.py"
    path.parent.mkdir()
    path.write_text("class TestX:\n    async def test_m2_all_offered_slots_book(self): ...\n", encoding="utf-8")
    assert citations(tmp_path) == {"M2": ["tests/test_x.py::test_m2_all_offered_slots_book"]}
