"""Long commands say how fast they are and how long it will take, on stderr and not too often."""

import io
from dataclasses import dataclass

import pytest

from ops.vetwire.progress import Teller, line, pace, spell
from shared.chassis.folding import FULL
from shared.chassis.rebuild import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass
class Moment:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_into_a_file_a_line_is_written_every_ten_seconds() -> None:
    out, moment = io.StringIO(), Moment()
    teller = Teller("portal/pets", out, moment)
    for _ in range(40):
        teller.tell("documents", round(1_000 * (moment.now - 100)), (moment.now - 100) / 40)
        moment.now += 1
    teller.end()
    assert out.getvalue().splitlines() == [
        "vetwire: portal/pets: 10,000 documents, 1,000/s, 25 %, 30 s left",
        "vetwire: portal/pets: 20,000 documents, 1,000/s, 50 %, 20 s left",
        "vetwire: portal/pets: 30,000 documents, 1,000/s, 75 %, 10 s left",
    ]


def test_at_a_terminal_one_line_is_written_over_and_taken_away_in_the_end() -> None:
    out, moment = Terminal(), Moment()
    teller = Teller("store", out, moment)
    for done in (0, 1, 2):
        teller.tell("events", done)
        moment.now += 1.5
    teller.end()
    assert out.getvalue().split("\r\x1b[2K") == [
        "", "vetwire: store: 1 events, 0.7/s", "vetwire: store: 2 events, 0.7/s", "",
    ]  # fmt: skip


def test_what_is_done_at_once_says_nothing() -> None:
    out = Terminal()
    teller = Teller("store", out, Moment())
    teller.tell("events", 1_000)
    teller.end()
    assert out.getvalue() == ""


def test_each_part_of_the_work_has_its_own_pace() -> None:
    out, moment = Terminal(), Moment()
    teller = Teller("store", out, moment)
    teller.tell("documents", 10)
    moment.now += 1_000
    teller.tell("events", 0)
    moment.now += 2
    teller.tell("events", 500)
    assert out.getvalue().endswith("500 events, 250/s")


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (None, "100 events, 50/s"),
        (0.0, "100 events, 50/s"),
        (0.5, "100 events, 50/s, 50 %, 2 s left"),
        (1.2, "100 events, 50/s, 100 %, 0 s left"),
    ],
)
def test_the_time_left_follows_from_the_share(share: float | None, told: str) -> None:
    assert pace("events", 100, share, 2.0) == told
    assert pace("events", 0, share, 0.0).startswith("0 events, 0.0/s")


@pytest.mark.parametrize(("seconds", "told"), [(0.4, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (7_500, "2 h 5 min")])
def test_times_are_spelled_as_people_say_them(seconds: float, told: str) -> None:
    assert spell(seconds) == told


def test_a_rebuild_of_several_passes_counts_them_in() -> None:
    """Half of the keys in one pass: as many records again."""
    now = Progress("kafka", 1_000, 1_000, 50, FULL // 2, 2, 10.0)
    assert line(now) == "kafka: 1,000 records, 100/s, 50 documents, pass 2, 10 s left"
    assert line(Progress("store", 10, None, 1, 0, 1, 1.0)) == "store: 10 records, 10/s, 1 documents, pass 1"
