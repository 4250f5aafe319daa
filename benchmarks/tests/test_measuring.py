"""What may be claimed of a measurement, and how it is shown."""

import json
import re
from pathlib import Path

import pytest

from benchmarks import catalogue, table
from benchmarks.measuring import Goal, Row, Side, at_least, at_most, in_turns, percentile
from benchmarks.row import write


def row(ours: list[float], goal: Goal | None = None) -> Row:
    return Row("some row", "events/s", Side("ours", ours), Side("plain", [10.0] * len(ours)), goal, "a note")


@pytest.mark.parametrize(
    ("ours", "goal", "verdict"),
    [
        ([20, 21, 22, 23, 40], at_least(2), "met"),
        ([15, 21, 22, 23, 40], at_least(2), "met"),
        ([15, 16, 22, 23, 40], at_least(2), "not resolved"),
        ([15, 16, 17, 23, 40], at_least(2), "not resolved"),
        ([15, 16, 17, 18, 40], at_least(2), "missed"),
        ([11, 11, 12, 12, 12], at_most(1.2), "met"),
        ([13, 13, 13, 13, 13], at_most(1.2), "missed"),
        ([1, 1, 1, 1, 1], None, ""),
    ],
)
def test_nothing_is_claimed_when_more_than_one_round_in_five_disagrees(
    ours: list[float], goal: Goal | None, verdict: str
) -> None:
    assert row(ours, goal).verdict == verdict


@pytest.mark.anyio
async def test_sides_take_turns_and_the_warm_up_is_thrown_away() -> None:
    called: list[str] = []

    def side(name: str, value: float) -> "object":
        async def work() -> float:
            called.append(name)
            return value

        return work

    figures = await in_turns({"a": side("a", 1.0), "b": side("b", 2.0)}, rounds=2)  # type: ignore[dict-item]  # work
    assert figures == {"a": [1.0, 1.0], "b": [2.0, 2.0]}
    assert [called[0:2], called[2:4], called[4:6]] == [["a", "b"], ["b", "a"], ["a", "b"]]


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(each) for each in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (51.0, 100.0, 7.0)


def test_the_table_holds_medians_ratios_range_goal_and_verdict(tmp_path: Path) -> None:
    write(tmp_path / "g8_token.json", [row([20, 30, 40], at_least(2))], {"quick": False})
    [head, line] = table.text(tmp_path, ["g8_token", "up"]).splitlines()
    assert head.split() == ["row", "ours", "base", "unit", "ratio", "min-max", "goal"]
    assert re.split(r" {2,}", line) == ["some row", "ours: 30", "plain: 10", "events/s", "3", "2-4", ">= 2 x", "met"]


def test_the_document_is_changed_between_its_marks_alone_and_not_by_quick_runs(tmp_path: Path) -> None:
    about = {"quick": False, "servers": ["Some server 1.0"], "load_before": 0.25}
    busy = {**about, "load_before": 400.0}
    write(tmp_path / "g8_token.json", [row([20, 30, 40], at_least(2))], about)
    write(tmp_path / "up.json", [row([50])], {**about, "quick": True})
    docs = tmp_path / "page.md"
    docs.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    table.write_docs(tmp_path, docs)
    written = docs.read_text()
    assert written.startswith(f"before\n{table.BEGIN}\nMeasured ")
    assert written.endswith(f"- some row: a note\n{table.END}\nafter\n")
    assert "| some row | ours: 30 | plain: 10 | events/s | 3 | 2-4 | >= 2 x | met |" in written
    assert "Some server 1.0. Load average before a row: 0.25 to 0.25." in written
    assert "old" not in written
    assert "ours: 50" not in written
    assert "provisional" not in written
    write(tmp_path / "up.json", [row([50])], busy)
    assert "provisional" in table.markdown(tmp_path)


def test_a_row_s_file_holds_every_round(tmp_path: Path) -> None:
    write(tmp_path / "some.json", [row([20, 30], at_least(2))], {"quick": True})
    [found] = json.loads((tmp_path / "some.json").read_text())["rows"]
    assert found["ours"] == {"what": "ours", "values": [20.0, 30.0]}
    assert (found["ratios"], found["goal"], found["verdict"]) == ([2.0, 3.0], ">= 2 x", "met")


def test_rows_are_chosen_by_a_part_of_their_name() -> None:
    assert catalogue.chosen(["G1", "up"]) == (["g1_g2_rebuild", "up"], [])
    assert catalogue.chosen(["nothing-such"]) == ([], ["nothing-such"])
    assert catalogue.chosen([])[0] == list(catalogue.names())
