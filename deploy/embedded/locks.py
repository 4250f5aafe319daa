"""The lock files hold: every pin hashed, no address of any index, everything asked for is pinned (design rule 23).

`python -m deploy.embedded.locks` prints what is wrong and exits with 1.
"""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.embedded.jars import COORDINATES, Jar, read_lock
from deploy.embedded.options import PROJECT

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
ADDRESS = re.compile(r"(https?://|--index-url|--extra-index-url|--find-links|--trusted-host)")
SHA256 = re.compile(r"[0-9a-f]{64}")


def entries(lock: str) -> list[str]:
    """One text per requirement: its pin and its hashes; comments are gone."""
    plain = "\n".join(line for line in lock.splitlines() if not line.lstrip().startswith("#"))
    return [each for each in plain.replace("\\\n", " ").splitlines() if each.strip()]


def pins(lock: str) -> dict[str, str]:
    """Canonical name to version."""
    found = (PIN.match(entry) for entry in entries(lock))
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def faults_of_lock(name: str, lock: str) -> Iterator[str]:
    if ADDRESS.search(lock):
        yield f"{name} names an index"
    for entry in entries(lock):
        if not PIN.match(entry):
            yield f"{name}: not a pin: {entry[:60]}"
        elif "--hash=sha256:" not in entry:
            yield f"{name}: no hash: {entry.split()[0]}"


def faults_of_project(project: Mapping[str, object], pinned: Mapping[str, str]) -> Iterator[str]:
    """Everything that pyproject.toml asks for must be pinned at a version that it allows."""
    for requirement in map(Requirement, asked(project)):
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None:
            yield f"requirements.lock lacks {requirement.name}"
        elif not requirement.specifier.contains(version, prereleases=True):
            yield f"requirements.lock has {requirement.name} {version}, pyproject.toml asks for {requirement}"


def asked(project: Mapping[str, object]) -> Iterator[str]:
    table = project["project"]
    assert isinstance(table, Mapping)
    yield from table["dependencies"]
    for extra in table["optional-dependencies"].values():
        yield from extra


def faults_of_jars(jars: list[Jar]) -> Iterator[str]:
    """Beside a log4j artifact the resolver takes an older kafka-clients than the broker: that must not come back."""
    have = {jar.coordinate for jar in jars}
    version = COORDINATES.split("+")[0].rpartition(":")[2]
    for wanted in (*COORDINATES.split("+"), f"org.apache.kafka:kafka-clients:{version}"):
        if wanted not in have:
            yield f"kafka.lock.json lacks {wanted}"
    yield from (f"kafka.lock.json: no sha256 for {jar.name}" for jar in jars if not SHA256.fullmatch(jar.sha256))


def faults(project: Path = PROJECT) -> list[str]:
    locks = {name: (project / name).read_text() for name in ("requirements.lock", "requirements-bootstrap.lock")}
    found = [fault for name, lock in locks.items() for fault in faults_of_lock(name, lock)]
    pyproject = tomllib.loads((project / "pyproject.toml").read_text())
    found += faults_of_project(pyproject, pins(locks["requirements.lock"]))
    return [*found, *faults_of_jars(read_lock())]


if __name__ == "__main__":
    for fault in (found := faults()):
        print(fault)
    sys.exit(1 if found else print("locks: sound"))
