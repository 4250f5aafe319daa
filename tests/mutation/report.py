"""What became of the mutants, and what is said about those that no test noticed."""

import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.sources import ROOT
from tests.mutation.tree import Tree

PAGE = ROOT / "docs" / "mutation.md"
EXPLAINED = Path(__file__).with_name("explained.toml")
NOTICED = {"killed", "timeout", "segfault", "caught by type check"}


@dataclass(frozen=True)
class Mutant:
    """`change`: the lines taken away and put in, as in a diff; empty for a mutant that was noticed."""

    name: str
    status: str
    change: str = ""

    @property
    def module(self) -> str:
        """`scheduling.domain.reasons`."""
        return self.name.rpartition(".")[0]

    @property
    def function(self) -> str:
        """`scheduling.domain.reasons.evolve`, `shared.chassis.lease.Lease.save`."""
        mangled = self.name.rpartition(".")[2].partition("__mutmut")[0].removeprefix("x")
        return f"{self.module}.{mangled.removeprefix('_').strip('ǁ').replace('ǁ', '.')}"


@dataclass(frozen=True)
class Outcome:
    """Every mutant of one subject, and how long the run took."""

    subject: str
    mutants: tuple[Mutant, ...]
    seconds: float

    @classmethod
    def read(cls, subject: str, tree: Tree, env: Mapping[str, str], seconds: float) -> "Outcome":
        found = [line.strip().rpartition(": ") for line in _mutmut(tree, env, "results", "--all", "true").splitlines()]
        mutants = [
            Mutant(name, status, "" if status in NOTICED else _change(_mutmut(tree, env, "show", name)))
            for name, _, status in found
        ]
        return cls(subject, tuple(mutants), seconds)


@dataclass(frozen=True)
class Explanation:
    """Why nobody need notice a change: of every mutant of `function` whose change contains the text `change`."""

    function: str
    change: str
    why: str

    def covers(self, mutant: Mutant) -> bool:
        return mutant.function == self.function and self.change in mutant.change


def explanations() -> list[Explanation]:
    """From explained.toml."""
    return [Explanation(**row) for row in tomllib.loads(EXPLAINED.read_text())["survivor"]]


def unexplained(outcome: Outcome, known: Iterable[Explanation]) -> list[Mutant]:
    """The survivors that nothing is said about."""
    known = list(known)
    survivors = [mutant for mutant in outcome.mutants if mutant.status not in NOTICED]
    return [mutant for mutant in survivors if not any(each.covers(mutant) for each in known)]


def _mutmut(tree: Tree, env: Mapping[str, str], *arguments: str) -> str:
    command = [str(ROOT / ".venv" / "bin" / "mutmut"), *arguments]
    return subprocess.run(command, cwd=tree.folder, env=env, check=True, capture_output=True, text=True).stdout


def _change(shown: str) -> str:
    lines = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return "\n".join(lines)


def write_page(outcomes: Sequence[Outcome]) -> None:
    """Replace the tables of docs/mutation.md for the subjects that ran; the prose around them stays."""
    text = PAGE.read_text()
    for outcome in outcomes:
        begin, end = f"<!-- {outcome.subject} -->\n", f"<!-- /{outcome.subject} -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}{_table(outcome)}{end}{rest.partition(end)[2]}"
    PAGE.write_text(text)


def _table(outcome: Outcome) -> str:
    modules: dict[str, Counter[str]] = {}
    known = explanations()
    for mutant in outcome.mutants:
        modules.setdefault(mutant.module, Counter())[_verdict(mutant, known)] += 1
    rows = [_row(f"`{module}`", counted) for module, counted in sorted(modules.items())]
    total = _row("**all**", sum(modules.values(), Counter()))
    head = "| module | mutants | noticed | explained | open | score |\n|---|---:|---:|---:|---:|---:|\n"
    return f"\n{head}{''.join(rows)}{total}\n"


def _verdict(mutant: Mutant, known: Sequence[Explanation]) -> str:
    if mutant.status in NOTICED:
        return "noticed"
    return "explained" if any(each.covers(mutant) for each in known) else "open"


def _row(name: str, counted: Counter[str]) -> str:
    """The score is of what a test could notice."""
    total, noticed, explained = counted.total(), counted["noticed"], counted["explained"]
    score = 100 * noticed / ((total - explained) or 1)
    return f"| {name} | {total} | {noticed} | {explained} | {counted['open']} | {score:.1f} % |\n"
