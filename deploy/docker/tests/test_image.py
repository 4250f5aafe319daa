"""The image: its recipe passes the linter, and what goes into it is pinned, complete and needed."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
PINNED = re.compile(r"^([a-z0-9.-]+)==(\S+)", re.MULTILINE)


def _pins(path: Path) -> dict[str, str]:
    return dict(PINNED.findall(path.read_text(encoding="utf-8")))


IMAGE = _pins(ROOT / "deploy/docker/requirements.lock")


def test_the_recipe_passes_the_linter() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    outcome = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, timeout=30, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_it_runs_as_nobody_in_particular_and_tells_its_health() -> None:
    recipe = DOCKERFILE.read_text(encoding="utf-8")
    final = recipe[recipe.rindex("\nFROM ") :]
    assert "\nUSER 10001:10001\n" in final
    assert "\nHEALTHCHECK " in final
    assert final.index("USER ") < final.index("\nCMD ")


def test_its_packages_are_those_of_the_one_lock() -> None:
    everything = _pins(ROOT / "requirements.lock")
    assert {name: version for name, version in IMAGE.items() if everything.get(name) != version} == {}


def test_every_package_has_hashes_and_none_an_address() -> None:
    text = (ROOT / "deploy/docker/requirements.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[a-z])", text.strip())
    assert len(blocks) == len(IMAGE)
    assert [block for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text


def test_it_holds_every_dependency_and_no_tool() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {_name(line) for line in project["dependencies"]}
    tools = {_name(line) for extra in project["optional-dependencies"].values() for line in extra}
    assert needed <= IMAGE.keys()
    assert IMAGE.keys() & (tools - needed) <= {"anyio", "jsonschema"}, "some tools are libraries of libraries too"


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9.-]+", requirement)
    assert found
    return found[0].lower()


@pytest.mark.parametrize("folder", ["services", "shared", "ops", "deploy/envoy", "deploy/docker"])
def test_what_the_recipe_copies_is_let_through(folder: str) -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored.index("**") < ignored.index(f"!{folder}/**")


def test_tests_and_hidden_files_stay_out_of_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    last_let_through = max(number for number, line in enumerate(ignored) if line.startswith("!"))
    assert {"**/tests", "**/.*", "**/__pycache__"} <= set(ignored[last_let_through:])
