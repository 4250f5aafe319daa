"""The repository's files, as git knows them, and what is in the Python ones."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICE_FOLDERS = {path.name: next(path.glob("*/__init__.py")).parent for path in (ROOT / "services").glob("*-svc")}
"""The services' packages by the name of their folder."""


@cache
def files() -> tuple[str, ...]:
    """Every file that is or would be committed, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return tuple(sorted(name for name in set(listed) if (ROOT / name).is_file()))


def python_files(*below: str) -> list[str]:
    """The Python files, or those below some folders."""
    return [name for name in files() if name.endswith(".py") and (not below or name.startswith(below))]


def text(name: str) -> str | None:
    """A file's content; None if it is not text."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_bytes(), name)


def imported(name: str) -> Iterator[str]:
    """The full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""


def functions(name: str) -> Iterator[tuple[str, int]]:
    """Every function of a file and its length in lines, decorators apart."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def is_test(name: str) -> bool:
    return name.startswith("tests/") or "/tests/" in name
