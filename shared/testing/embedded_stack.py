"""The embedded stack as a child process of the test run: it ends with the run, however that ends."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.testing.running import RunningSystem, Servers, StackUnavailable

PROJECT = Path(__file__).resolve().parents[2]
READY_WITHIN = 180.0
STOPPED_WITHIN = 60.0


def embedded_servers(root: Path, broker: str) -> Iterator[Servers]:
    """Start the three servers (and the mailbox) under `root`. Raises StackUnavailable."""
    for endpoints in _run(root, "deploy.embedded.servers", "--broker", broker):
        yield Servers(
            eventstore=endpoints["eventstore"],
            kafka=endpoints["kafka"],
            mongodb=endpoints["mongodb"],
            real=tuple(endpoints["servers"]),
            root=root,
            mailbox=endpoints["mailbox"],
        )


def embedded_system(root: Path, broker: str, given: Servers | None = None) -> Iterator[RunningSystem]:
    """Start the whole system under `root`, on servers of its own or on the given ones. Raises StackUnavailable."""
    addresses = ["--broker", broker]
    if given is not None:
        addresses = ["--broker", given.kafka, "--eventstore", given.eventstore, "--mongodb", given.mongodb]
    for endpoints in _run(root, "deploy.embedded", "up", *addresses):
        real = given.real if given is not None else endpoints["servers"]
        yield RunningSystem(endpoints["gateway"], {**endpoints, "servers": list(real)}, root)


def _run(root: Path, module: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """Yield the content of endpoints.json once it is there; stop the process afterwards."""
    log = root / "run.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments, "--root", str(root), "--any-ports", "--with-parent"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=PROJECT,
            env=_clean_environment(),
            start_new_session=True,
        )
    try:
        yield _endpoints(root, process, log)
    finally:
        _stop(process)


def _clean_environment() -> dict[str, str]:
    """What a person exported for `make up` must not reach the system under test."""
    prefixes = ("VETWIRE_", "GATEWAY_", "EVENTSTORE", "KAFKA_", "MONGODB", "SMTP_", "MAILBOX_")
    names = ("ROOT", "BROKER", "FRESH", "DETACH")
    return {name: value for name, value in os.environ.items() if name not in names and not name.startswith(prefixes)}


def _endpoints(root: Path, process: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    path = root / "endpoints.json"
    end = time.monotonic() + READY_WITHIN
    while not path.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise StackUnavailable(f"the embedded stack did not become ready:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
