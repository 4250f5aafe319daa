"""Apache Kafka's jars: pinned coordinates, fetched by jgo, never run unless their sha256 is the one in git.

`kafka.lock.json` lists name, coordinate and sha256 of every jar of the class path, in class path order.
`python -m deploy.embedded.jars --lock` resolves the pinned coordinates again and rewrites it.
"""

import argparse
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from deploy.embedded.options import PROJECT

COORDINATES = "org.apache.kafka:kafka_2.13:4.1.0+org.slf4j:slf4j-simple:1.7.36"
LOCK = Path(__file__).with_name("kafka.lock.json")
FETCHES_AT_ONCE = 8
ATTEMPTS = 3

Fetch = Callable[["Jar", Path], Path]


class JarsUnavailable(Exception):
    """The jars are not in the cache and cannot be fetched now."""


class JarsRefused(Exception):
    """A fetched jar is not the one whose hash is kept in git."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One file of the class path; `coordinate` is group:artifact:version, `sha256` in hex."""

    name: str
    coordinate: str
    sha256: str

    def is_at(self, path: Path) -> bool:
        return path.is_file() and sha256_of(path) == self.sha256


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_lock(path: Path = LOCK) -> list[Jar]:
    return [Jar(**entry) for entry in json.loads(path.read_text())["jars"]]


def version(jars: Iterable[Jar]) -> str:
    """The version of Kafka itself that the lock names."""
    return next(jar.coordinate.split(":")[2] for jar in jars if jar.coordinate.startswith("org.apache.kafka:"))


def cache_folder() -> Path:
    """A folder that outlives a clone, so that the next clone fetches nothing; for users without a home, .venv's."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    shared = base / "vetwire" / "kafka"
    return shared if _may_be_made(shared) else PROJECT / ".venv" / "kafka"


def _may_be_made(folder: Path) -> bool:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(there, os.W_OK)


def class_path(jars: Iterable[Jar], cache: Path, say: Callable[[str], None], fetch: Fetch | None = None) -> list[Path]:
    """Paths of all jars, each verified on every call; missing or damaged ones are fetched first.

    Raises JarsUnavailable when one cannot be had, JarsRefused when what was fetched is not what git says.
    """
    jars = list(jars)
    absent = [jar for jar in jars if not jar.is_at(cache / jar.name)]
    if absent:
        say(f"fetching {len(absent)} of the {len(jars)} jars of Apache Kafka")
        _fetch_all(absent, cache, fetch or fetch_with_jgo)
    return [cache / jar.name for jar in jars]


def _fetch_all(jars: list[Jar], cache: Path, fetch: Fetch) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".fetch-") as staging:
            _at_once([partial(_fetch_one, jar, cache, Path(staging), fetch) for jar in jars])
    except OSError as error:
        raise JarsUnavailable(f"{type(error).__name__}: {error}") from error


def _at_once(fetches: list[Callable[[], None]]) -> None:
    """The first one that fails ends the rest: without a network, each would wait for its own timeout."""
    with ThreadPoolExecutor(FETCHES_AT_ONCE) as pool:
        running = [pool.submit(fetch) for fetch in fetches]
        try:
            for each in running:
                each.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _fetch_one(jar: Jar, cache: Path, staging: Path, fetch: Fetch) -> None:
    fetched = fetch(jar, staging)
    if not jar.is_at(fetched):
        raise JarsRefused(f"{jar.coordinate} has sha256 {sha256_of(fetched)}, {LOCK.name} says {jar.sha256}")
    fetched.replace(cache / jar.name)


def fetch_with_jgo(jar: Jar, staging: Path) -> Path:
    """Download one jar into `staging`, asking up to three times."""
    problem = ""
    for attempt in range(ATTEMPTS):
        try:
            return _ask_jgo(jar, staging / str(attempt))
        except Exception as error:  # jgo lets the errors of requests, of sockets and its own pass
            problem = f"{jar.coordinate}: {type(error).__name__}: {error}"
    raise JarsUnavailable(problem)


def _ask_jgo(jar: Jar, repository: Path) -> Path:
    group, artifact, version = jar.coordinate.split(":")
    component = _context(repository).project(group, artifact).at_version(version)
    return Path(component.artifact().resolve())


def _context(repository: Path) -> Any:
    """Imported late, because a warm start never needs jgo."""
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext

    mirrors = GlobalSettings.load().repositories or None
    return MavenContext(repo_cache=repository, remote_repos=mirrors)


def resolve_again() -> list[Jar]:
    """Walk the dependency graph of the pinned coordinates and hash what it names."""
    import jgo

    jars = []
    for artifact in jgo.resolve(COORDINATES):
        path = Path(artifact.resolve())
        coordinate = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
        jars.append(Jar(path.name, coordinate, sha256_of(path)))
    return jars


def write_lock(jars: Iterable[Jar], path: Path = LOCK) -> None:
    content = {"coordinates": COORDINATES, "jars": [asdict(jar) for jar in jars]}
    path.write_text(json.dumps(content, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="The jars of Apache Kafka")
    parser.add_argument("--lock", action="store_true", help="resolve again and rewrite the lock")
    if parser.parse_args().lock:
        write_lock(resolve_again())
    for path in class_path(read_lock(), cache_folder(), print):
        print(path.name)


if __name__ == "__main__":
    main()
