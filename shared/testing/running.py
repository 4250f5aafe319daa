"""What a test gets to know about the servers and the system that it runs on."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class StackUnavailable(Exception):
    """The servers cannot be had here; the text says why."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses as the services take them. `real` names each server: name, version, kind, address."""

    eventstore: str
    kafka: str
    mongodb: str
    real: tuple[Mapping[str, str], ...] = ()
    root: Path | None = None
    mailbox: Mapping[str, str] = field(default_factory=dict)

    def describe(self) -> list[str]:
        return [describe(each) for each in self.real]


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """`endpoints` is the content of endpoints.json; `root` is None when the system is not ours to look into."""

    gateway: str
    endpoints: Mapping[str, Any] = field(repr=False)  # it holds passwords
    root: Path | None = None

    def describe(self) -> list[str]:
        found = [describe(each) for each in self.endpoints.get("servers", ())]
        return found or [f"a system given by address: {self.gateway}"]

    def component(self, name: str) -> dict[str, Any]:
        """Its part of state.json now: state, pid, port, restarts. KeyError for an unknown name."""
        assert self.root is not None, "only an embedded system can be looked into"
        state = json.loads((self.root / "state.json").read_text())
        found: dict[str, Any] = state["components"][name]
        return found

    def pid(self, name: str) -> int:
        """The process id of a component that runs now."""
        found = self.component(name)["pid"]
        assert found is not None, f"{name} does not run"
        return int(found)

    def wait_until_restarted(self, name: str, restarts_before: int, within: float = 60.0) -> None:
        """Return when the component has come back after a kill. Raises TimeoutError."""

        def is_back() -> bool:
            now = self.component(name)
            return bool(now["restarts"] > restarts_before and now["state"] == "ready")

        wait_until(is_back, within, f"{name} to be restarted")


def describe(server: Mapping[str, str]) -> str:
    """`Apache Kafka 4.1.0 (embedded)`; an address only where it says more, and the warning if there is one."""
    place = "embedded" if server["kind"] == "embedded" else f"{server['kind']}, {server['address']}"
    note = f" - {server['note']}" if server.get("note") else ""
    return f"{server['name']} {server['version']}".rstrip() + f" ({place}){note}"


def wait_until(condition: Callable[[], bool], within: float, what: str, every: float = 0.1) -> None:
    """Ask again and again for `within` seconds. Raises TimeoutError."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {within:.0f} s for {what}")
        time.sleep(every)
