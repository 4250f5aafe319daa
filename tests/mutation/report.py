"""What became of the mutants, and what is said about those that no test noticed."""

import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.sources import ROOT
from tests.mutation.tree import Tree

PAGE = ROOT / "docs" / "mutation.md"
EXPLAINED = Path(__file__).with_name("explained.toml")
NOTICED = {"killed", "timeout", "segfault"}
SURVIVED = {"survived", "no tests", "suspicious"}
_RESULTS = """
from mutmut.__main__ import status_by_exit_code, walk_mutatable_files
from mutmut.mutation.data import SourceFileMutationData
for path in walk_mutatable_files():
    data = SourceFileMutationData(path=path)
    data.load()
    for name, code in data.exit_code_by_key.items():
        print(name, status_by_exit_code[code])
"""
_CHANGES = """
import sys
from mutmut.mutation.diff_apply import find_mutant, get_diff_for_mutant
for name in sys.argv[1:]:
    print("# " + name)
    print(get_diff_for_mutant(name, path=find_mutant(name).path))
"""


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
        told = _python(tree, env, _RESULTS).splitlines()
        status = {name: each for name, _, each in (line.partition(" ") for line in told)}
        shown = _python(tree, env, _CHANGES, *(name for name, each in status.items() if each in SURVIVED))
        changes = {name: _change(diff) for name, _, diff in (each.partition("\n") for each in shown.split("# ")[1:])}
        return cls(subject, tuple(Mutant(name, each, changes.get(name, "")) for name, each in status.items()), seconds)


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
    survivors = [mutant for mutant in outcome.mutants if mutant.status in SURVIVED]
    return [mutant for mutant in survivors if not any(each.covers(mutant) for each in known)]


def _python(tree: Tree, env: Mapping[str, str], *arguments: str) -> str:
    command = [sys.executable, "-c", *arguments]
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
    head = "| module | mutants | noticed | explained | open | not run | score |\n|---|---:|---:|---:|---:|---:|---:|\n"
    return f"\n{head}{''.join(rows)}{total}\n"


def _verdict(mutant: Mutant, known: Sequence[Explanation]) -> str:
    if mutant.status in NOTICED:
        return "noticed"
    if mutant.status not in SURVIVED:
        return "not run"
    return "explained" if any(each.covers(mutant) for each in known) else "open"


def _row(name: str, counted: Counter[str]) -> str:
    """The score is of what ran and could be noticed."""
    noticed, open_ = counted["noticed"], counted["open"]
    ran = noticed + open_
    score = f"{100 * noticed / ran:.1f} %" if ran else "-"
    counts = (counted.total(), noticed, counted["explained"], open_, counted["not run"])
    return f"| {name} | {' | '.join(map(str, counts))} | {score} |\n"
