"""An operator of the whole system: the `vetwire` process beside it, and the past through the gateway."""

import json
import subprocess
import sys
import tempfile
from typing import Any

import pytest

from shared.events.topics import SERVICES
from shared.testing.embedded_stack import PROJECT
from shared.testing.gateway import Feed, Gateway, eventually_equal, gateway_of
from shared.testing.running import RunningSystem

CLIENTS = "AccountId,LastName,FirstName\n7,Hill,Ann\n"
MOVED = "AccountId,LastName,FirstName\n7,Dale,Ann\n"


def vetwire(system: RunningSystem, *arguments: str, token: str = "") -> tuple[int, Any]:
    """The exit code and the JSON document of one call, told only where endpoints.json is."""
    if system.root is None:
        pytest.skip("the secrets of a system given by address are not ours")
    command = [sys.executable, "-m", "ops.vetwire", "--endpoints", str(system.root / "endpoints.json"), *arguments]
    clean = {"PATH": "", "VETWIRE_OPERATOR_TOKEN": token} if token else {"PATH": ""}
    with tempfile.TemporaryFile() as errors:
        done = subprocess.run(
            [*command, "--json"], cwd=PROJECT, env=clean, stdout=subprocess.PIPE, stderr=errors, timeout=60
        )
    return done.returncode, json.loads(done.stdout) if done.stdout else None


def test_every_service_of_a_system_that_runs_is_well(system: RunningSystem) -> None:
    def is_well() -> tuple[int, list[str]]:
        code, told = vetwire(system, "status")
        return code, told["alarms"]

    eventually_equal(is_well, (0, []))
    _, told = vetwire(system, "status")
    assert tuple(service["service"] for service in told["services"]) == SERVICES
    assert vetwire(system, "topics", "check") == (0, {"topics": 10, "differences": []})


def test_a_clients_past_is_there_until_they_are_erased(system: RunningSystem) -> None:
    with gateway_of(system) as gateway:
        clinic = gateway.new_clinic()
        feed = Feed(clinic.pims, clinic.clinic_id)
        feed.push(client=CLIENTS)
        feed.push(client=MOVED)
        stream, key = f"client-{clinic.clinic_id}.7", f"{clinic.clinic_id}.7"
        path = f"/api/portal/v1/clinics/{clinic.clinic_id}/as-of/clients/7"

        def last_name(revision: int) -> object:
            return clinic.operator.get(path, revision=revision).json()["document"]["last_name"]

        assert [last_name(0), last_name(1)] == ["Hill", "Dale"]
        assert clinic.pims.get(path).status_code == 403
        token = clinic.operator.headers["Authorization"].removeprefix("Bearer ")
        told = [
            vetwire(system, "document", "portal", "clients", key, "--at-revision", "0", *more, token=token)[1]
            for more in ((), ("--reveal",))
        ]
        assert [(each["personal"], each["value"]["last_name"]) for each in told] == [
            ("hidden", None),
            ("shown", "Hill"),
        ]
        _erase(gateway, system, f"client:{key}", stream)
        # A process may remember an opened key for 30 s.
        eventually_equal(lambda: [last_name(0), last_name(1)], [None, None])


def _erase(gateway: Gateway, system: RunningSystem, subject: str, stream: str) -> None:
    code, dry = vetwire(system, "erase", subject)
    assert (code, dry["dry_run"], dry["had_key"]) == (0, True, True)
    code, receipt = vetwire(system, "erase", subject, "--yes")
    assert (code, receipt["complete"], receipt["event"]) == (0, True, f"{stream}@2")
    assert {service["service"]: service["holds"] for service in receipt["services"]} == dict.fromkeys(SERVICES, 0)
