"""The jars of Kafka: nothing runs whose hash is not the one in git."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.embedded.jars import Jar, JarsRefused, JarsUnavailable, cache_folder, class_path, read_lock
from deploy.embedded.locks import faults_of_jars
from deploy.embedded.options import PROJECT

GOOD = b"a jar"
JAR = Jar("a-1.jar", "group:a:1", hashlib.sha256(GOOD).hexdigest())


def fetching(content: bytes) -> Callable[[Jar, Path], Path]:
    def fetch(jar: Jar, staging: Path) -> Path:
        path = staging / jar.name
        path.write_bytes(content)
        return path

    return fetch


def offline(jar: Jar, staging: Path) -> Path:
    raise JarsUnavailable(f"{jar.name}: no network")


def test_a_fetched_jar_with_the_right_hash_is_kept(tmp_path: Path) -> None:
    said: list[str] = []
    assert class_path([JAR], tmp_path, said.append, fetching(GOOD)) == [tmp_path / "a-1.jar"]
    assert said == ["fetching 1 of the 1 jars of Apache Kafka"]


def test_a_second_call_fetches_nothing(tmp_path: Path) -> None:
    class_path([JAR], tmp_path, print, fetching(GOOD))
    said: list[str] = []
    assert class_path([JAR], tmp_path, said.append, offline) == [tmp_path / "a-1.jar"]
    assert said == []


def test_a_fetched_jar_with_another_hash_is_refused_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(JarsRefused, match="group:a:1 has sha256"):
        class_path([JAR], tmp_path, print, fetching(b"another jar"))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_jar_in_the_cache_is_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "a-1.jar").write_bytes(GOOD[:2])
    class_path([JAR], tmp_path, print, fetching(GOOD))
    assert (tmp_path / "a-1.jar").read_bytes() == GOOD


def test_a_damaged_jar_is_not_run_when_it_cannot_be_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "a-1.jar").write_bytes(b"another jar")
    with pytest.raises(JarsUnavailable, match="no network"):
        class_path([JAR], tmp_path, print, offline)


def test_a_cache_that_cannot_be_written_makes_the_jars_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JarsUnavailable):
        class_path([JAR], tmp_path / "file" / "cache", print, fetching(GOOD))


def test_the_lock_in_git_names_kafka_and_its_own_clients() -> None:
    assert list(faults_of_jars(read_lock())) == []


def test_a_lock_with_older_clients_is_a_fault() -> None:
    old = [
        Jar("kafka-clients-3.9.1.jar", "org.apache.kafka:kafka-clients:3.9.1", each.sha256)
        if each.coordinate.startswith("org.apache.kafka:kafka-clients:")
        else each
        for each in read_lock()
    ]
    assert list(faults_of_jars(old)) == ["kafka.lock.json lacks org.apache.kafka:kafka-clients:4.1.0"]


def test_a_user_without_a_home_keeps_the_jars_in_the_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "vetwire" / "kafka"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert cache_folder() == PROJECT / ".venv" / "kafka"
