"""What is in the repository: nothing of one machine, no address of a registry, nothing unfinished."""

import re

import pytest

from tests.architecture.sources import ROOT, files, text

# Put together here, so that this file does not hold what it looks for.
_HOSTS = (
    ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com"),
    ("repo1", "maven"), ("repo", "maven"), ("maven", "org"), ("sonatype", "org"), ("crates", "io"),
    ("proxy", "golang"), ("rubygems", "org"), ("deb", "debian"),
)  # fmt: skip
A_REGISTRY = re.compile("|".join(re.escape(".".join(parts)) for parts in _HOSTS))
HOMES = ("work", "home", "Users", "root")
A_MACHINES_PATH = re.compile(r"(?<![\w.$}{/~-])/(?:" + "|".join(HOMES) + r")/[\w.-]+")
AN_INDEX = re.compile(r"(?:--(?:extra-)?index-url|--find-links)[ =]+\w+://(?!x\.invalid)")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
TEXTS = [name for name in files() if text(name) is not None]
TOP_LEVEL = {
    ".ci", ".dockerignore", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md",
    "benchmarks", "conftest.py", "deploy", "docker-compose.yml", "docs", "ops", "pyproject.toml",
    "requirements-bootstrap.lock", "requirements.lock", "services", "shared", "tests",
}  # fmt: skip


@pytest.mark.parametrize("pattern", [A_MACHINES_PATH, A_REGISTRY, AN_INDEX], ids=["machine", "registry", "index"])
def test_nothing_leads_to_one_machine_or_to_a_registry(pattern: re.Pattern[str]) -> None:
    assert _found(pattern, TEXTS) == {}


def test_nothing_is_left_for_later_in_a_comment() -> None:
    assert _found(UNFINISHED, [n for n in TEXTS if n.endswith((".py", ".md", ".yml", ".yaml", ".toml", ".sh"))]) == {}


def _found(pattern: re.Pattern[str], names: list[str]) -> dict[str, list[str]]:
    found = {name: pattern.findall(text(name) or "") for name in names}
    return {name: matches for name, matches in found.items() if matches}


def test_the_top_level_is_what_the_design_says() -> None:
    assert {name.partition("/")[0] for name in files()} <= TOP_LEVEL


def test_decisions_are_numbered_and_listed() -> None:
    folder = ROOT / "docs" / "adr"
    names = sorted(path.name for path in folder.glob("[0-9]*.md"))
    numbers = [name[:4] for name in names]
    assert len(set(numbers)) == len(numbers)
    index = text("docs/adr/README.md") or ""
    assert [name for name in names if f"]({name})" not in index] == []


def test_links_between_documents_lead_somewhere() -> None:
    pages = [name for name in files() if name.endswith(".md")]
    dead = [
        f"{page}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text(page) or "")
        if "://" not in target and not (ROOT / page).parent.joinpath(target).exists()
    ]
    assert dead == []
