"""A flat copy of the code: mutmut takes a module's name from its path, and ours lie in folders with a hyphen.

`services/scheduling-svc/scheduling` becomes `scheduling`; the tests keep their places.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.architecture.sources import ROOT, SERVICE_FOLDERS, files
from tests.mutation.subjects import SUBJECTS, Subject

_WANTED = ("shared/", "services/", "deploy/", "conftest.py")
# What only logs and traces carry is not mutated: test_logs.py and the tests of traces read those.
_TELLING = r"^\s*(log\.\w+|about|mark)\("
_KILLED = (1, 3)
"""pytest's exit codes for a failed test and an internal error."""
_SETTINGS = """
[tool.pytest.ini_options]
pythonpath = ["."]
addopts = ["--import-mode=importlib", "--strict-markers", "-p", "no:cacheprovider", "--stack=env"]
filterwarnings = ["error"]
timeout = 60
markers = ["servers", "journey", "chaos", "real_data"]

[tool.mutmut]
source_paths = {modules}
also_copy = {copied}
pytest_add_cli_args_test_selection = {tests}
do_not_mutate_patterns = ['{telling}']
process_isolation = "forkserver"
use_git_change_detection = false
on_dependency_change = "ignore"
timeout_constant = 2.0
timeout_multiplier = 5.0
"""


class Tree:
    """The copy for one subject, with mutmut's own copy of it, `mutants`, inside. Kept for the next run."""

    def __init__(self, name: str, root: Path = ROOT / ".vetwire" / "mutation") -> None:
        self.subject: Subject = SUBJECTS[name]
        self.folder = root / name
        self.mutants = self.folder / "mutants"

    def lay_out(self) -> None:
        """Bring the copy up to date. What did not change stays untouched, so that its mutants need no new run."""
        wanted = {flat(name): ROOT / name for name in files() if name.startswith(_WANTED)}
        for gone in set(self._copied()) - wanted.keys():
            (self.folder / gone).unlink()
            (self.mutants / gone).unlink(missing_ok=True)
        for name, source in wanted.items():
            _copy(source, self.folder / name)
        self._write_settings(sorted({name.partition("/")[0] for name in wanted}))

    def forget_survivors(self) -> None:
        """So that they run again: mutmut itself looks at no test that changed. What is killed stays so."""
        for meta in self.mutants.rglob("*.py.meta"):
            known = json.loads(meta.read_text())
            codes = known["exit_code_by_key"]
            known["exit_code_by_key"] = {name: code if code in _KILLED else None for name, code in codes.items()}
            meta.write_text(json.dumps(known))

    def modules(self) -> list[str]:
        """The modules to mutate that hold any code."""
        return self._matching(self.subject.modules)

    def _copied(self) -> Iterator[str]:
        for path in self.folder.rglob("*.py"):
            name = path.relative_to(self.folder).as_posix()
            if not name.startswith("mutants/"):
                yield name

    def _matching(self, patterns: Iterable[str]) -> list[str]:
        found = {path for pattern in patterns for path in self.folder.glob(pattern) if path.stat().st_size}
        return sorted(path.relative_to(self.folder).as_posix() for path in found if "mutants" not in path.parts)

    def _write_settings(self, copied: list[str]) -> None:
        lists = {"modules": self.modules(), "tests": self._matching(self.subject.tests), "copied": copied}
        encoded = {name: json.dumps(value) for name, value in lists.items()}
        settings = self.folder / "pyproject.toml"
        text = _SETTINGS.format(telling=_TELLING, **encoded)
        if settings.exists() and settings.read_text() != text:
            # Mutants are numbered within their function: with other settings the same number is another mutant.
            shutil.rmtree(self.mutants, ignore_errors=True)
        settings.write_text(text)


def flat(name: str) -> str:
    """Where a file of the repository lies in the copy."""
    for folder, package in SERVICE_FOLDERS.items():
        inside = f"services/{folder}/{package.name}/"
        if name.startswith(inside):
            return f"{package.name}/{name.removeprefix(inside)}"
    return name


def _copy(source: Path, target: Path) -> None:
    if not target.exists() or target.read_bytes() != source.read_bytes():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
