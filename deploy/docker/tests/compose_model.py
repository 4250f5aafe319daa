"""docker-compose.yml as the engine would read it: merged, and with variables put in."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?:(?P<how>:-|-|:\?)(?P<rest>(?:[^{}]|\$\{[^{}]*\})*))?\}")

Service = dict[str, Any]


class MissingVariable(Exception):
    """A variable that must be set is not."""


def interpolated(text: str, environment: Mapping[str, str]) -> str:
    """`${A}`, `${A:-default}`, `${A-default}`, `${A:?message}` as in the Compose Specification; defaults nest once."""

    def value(match: re.Match[str]) -> str:
        name, how, rest = match["name"], match["how"], match["rest"]
        found = environment.get(name)
        if found or (found is not None and how == "-"):
            return found
        if how == ":?":
            raise MissingVariable(rest)
        return interpolated(rest or "", environment)

    return VARIABLE.sub(value, text)


def compose(**environment: str) -> dict[str, Any]:
    """The whole file with these variables. Raises MissingVariable."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    loaded: dict[str, Any] = yaml.safe_load(interpolated("\n".join(lines), environment))
    return loaded
