"""The server as a process: exit codes, signals, what a second one is told."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest
from esdbclient import EventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import ServiceUnavailable

from deploy.embedded.eventstore.tests.running import ROOT, RunningServer, command, running

pytestmark = pytest.mark.servers

ENDS_WITHIN = 15
"""Seconds; a server that waits for its open calls never ends."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running(tmp_path / "data") as started:
        yield started


def attempt(data: Path, port: int = 0) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(data, port), cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_a_second_server_on_the_same_data_is_refused(server: RunningServer, tmp_path: Path) -> None:
    second = attempt(tmp_path / "data")
    assert second.returncode == 3
    assert "another event store already uses" in second.stderr


def test_a_taken_port_is_told(server: RunningServer, tmp_path: Path) -> None:
    port = int(server.address.rsplit(":", 1)[1])
    second = attempt(tmp_path / "other", port)
    assert second.returncode == 4
    assert f"cannot listen on 127.0.0.1:{port}" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_bytes(b"no database" * 1000)
    refused = attempt(tmp_path)
    assert refused.returncode == 3
    assert "cannot be read" in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(server: RunningServer, number: signal.Signals) -> None:
    client = EventStoreDBClient(server.uri)
    client.append_to_stream("s-1", current_version=StreamState.NO_STREAM, events=NewEvent("T", b"{}"))
    client.close()
    started = monotonic()
    assert server.signal(number) == 0
    assert monotonic() - started < ENDS_WITHIN


def test_an_open_subscription_does_not_hold_up_the_end(server: RunningServer) -> None:
    client = EventStoreDBClient(server.uri)
    subscription = client.subscribe_to_all(from_end=True)
    ended: list[BaseException] = []

    def consume() -> None:
        try:
            next(subscription)
        except BaseException as error:
            ended.append(error)

    reader = Thread(target=consume)
    reader.start()
    started = monotonic()
    assert server.signal(signal.SIGTERM) == 0
    assert monotonic() - started < ENDS_WITHIN
    reader.join(10)
    assert isinstance(ended[0], ServiceUnavailable)
    client.close()


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    event = NewEvent("T", b"{}")
    with running(tmp_path) as first:
        client = EventStoreDBClient(first.uri)
        position = client.append_to_stream("s-1", current_version=StreamState.NO_STREAM, events=[event])
        client.close()
        first.signal(signal.SIGTERM)
    with running(tmp_path) as second:
        client = EventStoreDBClient(second.uri)
        repeat = client.append_to_stream("s-1", current_version=StreamState.NO_STREAM, events=[event])
        following = client.append_to_stream("s-1", current_version=0, events=NewEvent("T", b"{}"))
        assert repeat == position < following
        assert client.get_current_version("s-1") == 1
        client.close()
