"""What every row shares: two sides measured in turns, the ratio of each round, and what may be claimed of it.

A round measures both sides one right after the other, and the next round begins with the other side: what the machine
does meanwhile hits both. The figure is the median of the rounds' ratios, ours / base.
"""

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Work = Callable[[], Awaitable[float]]
Verdict = Literal["met", "missed", "not resolved", ""]
DISSENTING = 5
"""Of so many rounds one may lie on the other side of the goal than the median; more, and nothing is claimed."""


@dataclass(frozen=True)
class Goal:
    """A bound for the ratio ours / base."""

    bound: float
    at_most: bool = False

    def holds(self, ratio: float) -> bool:
        """Whether the ratio is on the good side."""
        return ratio <= self.bound if self.at_most else ratio >= self.bound

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.bound:g} x"


def at_least(bound: float) -> Goal:
    """For rates: ours is to be that many times the base."""
    return Goal(bound)


def at_most(bound: float) -> Goal:
    """For times and costs."""
    return Goal(bound, at_most=True)


@dataclass(frozen=True)
class Side:
    """What was measured, and its figure in each round."""

    what: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        """Of all rounds."""
        return statistics.median(self.values)


@dataclass(frozen=True)
class Row:
    """One line of the table. `base` is None where there is nothing to compare with; `unit` is that of both sides."""

    name: str
    unit: str
    ours: Side
    base: Side | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """Ours / base, round by round."""
        return [] if self.base is None else [a / b for a, b in zip(self.ours.values, self.base.values, strict=True)]

    @property
    def verdict(self) -> Verdict:
        """Nothing is claimed when the rounds disagree."""
        if self.goal is None:
            return ""
        held = [self.goal.holds(ratio) for ratio in self.ratios]
        for answer, named in ((True, "met"), (False, "missed")):
            if held.count(not answer) <= len(held) // DISSENTING:
                return named  # type: ignore[return-value]  # a Verdict, out of a tuple of them
        return "not resolved"

    def to_json(self) -> dict[str, Any]:
        """Everything that the table and a reader of the file need."""
        sides = {"ours": self.ours, **({"base": self.base} if self.base else {})}
        return {
            "name": self.name,
            "unit": self.unit,
            **{which: {"what": side.what, "values": _rounded(side.values)} for which, side in sides.items()},
            "ratios": _rounded(self.ratios),
            "goal": str(self.goal) if self.goal else "",
            "verdict": self.verdict,
            "note": self.note,
        }


async def in_turns(sides: Mapping[str, Work], rounds: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Each side's figure in every round; those of the first `warm_up` rounds are thrown away."""
    figures: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(-warm_up, rounds):
        for name in list(sides)[:: 1 if number % 2 else -1]:
            value = await sides[name]()
            if number >= 0:
                figures[name].append(value)
    return figures


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the others do not exceed; `values` need not be sorted."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _rounded(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
