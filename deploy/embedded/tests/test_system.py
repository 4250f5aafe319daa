"""The whole system under its supervisor: complete, small, and back after kill -9 of any part."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import psutil
import pytest

from deploy.embedded.options import PROJECT
from deploy.embedded.services_plan import find_services
from shared.testing.running import RunningSystem

pytestmark = pytest.mark.journey
LARGEST = 2.2e9  # bytes of proportional set size, all processes together


@pytest.fixture
def own(system: RunningSystem) -> RunningSystem:
    if system.root is None:
        pytest.skip("a system given by address cannot be looked into")
    return system


def components(system: RunningSystem) -> Mapping[str, Mapping[str, Any]]:
    assert system.root is not None
    found: dict[str, dict[str, Any]] = json.loads((system.root / "state.json").read_text())["components"]
    return found


def run_again(system: RunningSystem, action: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.embedded", action, "--root", str(system.root)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)


def test_every_service_has_an_api_and_a_worker_that_are_ready(own: RunningSystem) -> None:
    states = {name: each["state"] for name, each in components(own).items()}
    assert set(states.values()) == {"ready", "done"}
    for service in find_services():
        assert service.processes == ("api", "worker")
        assert own.endpoints["services"][service.name].keys() == {"api", "worker"}


def test_the_endpoints_name_everything_that_a_script_needs(own: RunningSystem) -> None:
    assert own.endpoints.keys() >= {
        *("gateway", "eventstore", "kafka", "mongodb", "mailbox"),
        *("services", "operator", "servers", "clinics"),
    }
    assert own.endpoints["operator"]["client_secret"]
    assert len(own.endpoints["clinics"]) == 2
    for clinic in own.endpoints["clinics"]:
        assert clinic["logins"]
        assert {each["role"] for each in clinic["credentials"]} == {"pims"}


def test_all_processes_together_stay_below_the_memory_budget(own: RunningSystem) -> None:
    pids = [each["pid"] for each in components(own).values() if each["pid"]] + [own.endpoints["supervisor"]]
    used = {pid: psutil.Process(pid).memory_full_info().pss for pid in pids}
    assert sum(used.values()) < LARGEST, used


def test_a_second_up_prints_the_addresses_again(own: RunningSystem) -> None:
    again = run_again(own, "up")
    assert again.returncode == 0, again.stderr
    assert "running already" in again.stdout
    assert own.gateway in again.stdout


@pytest.mark.parametrize("name", ["gateway", "portal-api", "portal-worker"])
def test_a_killed_part_comes_back_on_the_same_port(own: RunningSystem, name: str) -> None:
    before = own.component(name)
    os.kill(own.pid(name), signal.SIGKILL)
    own.wait_until_restarted(name, before["restarts"])
    assert own.component(name)["port"] == before["port"]
