"""`docs/requirements.md`: each rule and the tests that cite it. A test cites a rule in its name: `test_r54_...`."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from ops.rules import RULES

ROOT = Path(__file__).parents[1]
PLACES = ("shared", "services", "deploy", "ops", "benchmarks", "tests")
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
_CITED = re.compile(r"test_((?:[rtm]\d+_)+)")
_GROUPS = {
    "Referral": ("R", 1, 21),
    "Portal": ("R", 22, 73),
    "Messaging": ("R", 74, 84),
    "Scheduling": ("R", 85, 102),
    "PIMS sync": ("R", 103, 108),
    "Tensions decided": ("T", 1, 9),
    "Beyond": ("M", 1, 18),
}


def requirements(page: str, root: Path = ROOT) -> str:
    """The page with its generated part made anew. ValueError without the markers, or for a rule that does not exist."""
    before, _, rest = page.partition(BEGIN)
    _, marker, after = rest.partition(END)
    if not marker:
        raise ValueError(f"the page has no {BEGIN} ... {END}")
    cited = citations(root)
    if unknown := cited.keys() - RULES.keys():
        raise ValueError(f"no such rule: {', '.join(sorted(unknown))}")
    tables = [_table(title, _numbers(*span), cited) for title, span in _GROUPS.items()]
    return f"{before}{BEGIN}\n\n{_sum(cited)}\n\n" + "\n\n".join(tables) + f"\n\n{END}{after}"


def citations(root: Path = ROOT) -> dict[str, list[str]]:
    """For each cited rule the tests that cite it, as `path::test`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(path for place in PLACES for path in (root / place).rglob("test_*.py")):
        for name in _tests(path):
            for rule in rules_cited(name):
                found[rule].append(f"{path.relative_to(root).as_posix()}::{name}")
    return dict(found)


def rules_cited(test_name: str) -> list[str]:
    """`test_r85_r90_a_request_...` cites R85 and R90."""
    match = _CITED.match(test_name)
    return [rule.upper() for rule in match[1].rstrip("_").split("_")] if match else []


def _tests(path: Path) -> list[str]:
    tree = ast.parse(path.read_bytes())
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [node.name for node in functions if node.name.startswith("test_")]


def _numbers(letter: str, first: int, last: int) -> list[str]:
    return [f"{letter}{number}" for number in range(first, last + 1)]


def _sum(cited: Mapping[str, object]) -> str:
    return f"{len(cited)} of {len(RULES)} rules have a test that cites them."


def _table(title: str, rules: Iterable[str], cited: Mapping[str, list[str]]) -> str:
    rows = [f"| {rule} | {RULES[rule]} | {_shown(cited.get(rule, []))} |" for rule in rules]
    return "\n".join([f"## {title}", "", "| rule | in short | tests |", "| --- | --- | --- |", *rows])


def _shown(tests: list[str]) -> str:
    """Without the folders that every path has, and the sentence as it stands."""
    if not tests:
        return "not yet built"
    return "<br>".join(f"`{test.partition('::')[2]}` ({_owner(test)})" for test in tests)


def _owner(test: str) -> str:
    parts = test.partition("::")[0].split("/")
    return parts[1] if parts[0] in ("services", "shared", "tests") else parts[0]
