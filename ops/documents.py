"""The documents that are made from the code: `python -m ops.documents check` says which are stale, `write` makes them.

The services' folders must be on the path (`make docs` sees to it).
"""

import sys
from collections.abc import Callable
from pathlib import Path

from ops import asyncapi, event_model, openapi, requirements_table
from shared.events.topics import SERVICES

DOCS = Path(__file__).parents[1] / "docs"


def _openapi(service: str) -> Callable[[str], str]:
    return lambda _page: openapi.text_of(openapi.openapi(service))


DOCUMENTS: dict[str, Callable[[str], str]] = {
    "asyncapi.json": lambda _page: asyncapi.text_of(asyncapi.asyncapi()),
    "event-model.md": event_model.event_model,
    "requirements.md": requirements_table.requirements,
    **{f"openapi/{service}.json": _openapi(service) for service in SERVICES},
}
"""By name: how the document is made from what it is now, since the parts written by hand stay."""


def stale(folder: Path = DOCS) -> dict[str, str]:
    """The documents that the code no longer agrees with: their names and what they should be."""
    found = {name: _text(folder / name) for name in DOCUMENTS}
    made = {name: make(found[name]) for name, make in DOCUMENTS.items()}
    return {name: text for name, text in made.items() if text != found[name]}


def write(folder: Path = DOCS) -> list[str]:
    """Make them; the names of those that changed."""
    changed = stale(folder)
    for name, text in changed.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return list(changed)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main(arguments: list[str]) -> int:
    """The exit code: 0 all is well, 1 something is stale, 2 not understood."""
    if arguments == ["write"]:
        sys.stdout.writelines(f"wrote docs/{name}\n" for name in write())
        return 0
    if arguments == ["check"]:
        names = list(stale())
        sys.stdout.writelines(f"docs/{name} is stale: run `python -m ops.documents write`\n" for name in names)
        return 1 if names else 0
    sys.stderr.write("usage: python -m ops.documents check|write\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
