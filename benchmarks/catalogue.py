"""Which rows there are and what each needs: read from the files, since a row registers event types when imported."""

import ast
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal, get_args

Need = Literal["nothing", "servers", "system"]
NEEDS: tuple[Need, ...] = get_args(Need)
FOLDER = Path(__file__).parent / "rows"


@cache
def names() -> tuple[str, ...]:
    """In the order in which they run."""
    return tuple(sorted(path.stem for path in FOLDER.glob("[a-z]*.py")))


@cache
def need_of(name: str) -> Need:
    """What the module says: NEEDS = "servers"."""
    for node in ast.parse((FOLDER / f"{name}.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NEEDS":
            return NEEDS[NEEDS.index(ast.literal_eval(node.value))]
    raise ValueError(f"the row {name} does not say what it needs")


def chosen(wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """The rows that are named, all if none is, and the words that name none: `g1` names `g1_g2_rebuild`."""
    found = [name for name in names() if not wanted or any(_names(word, name) for word in wanted)]
    return found, [word for word in wanted if not any(_names(word, name) for name in names())]


def _names(word: str, name: str) -> bool:
    return word.lower() == name or word.lower() in name.split("_")
