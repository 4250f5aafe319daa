"""Loading the sample clinics a second time changes nothing and takes no time."""

import json
import shutil
from pathlib import Path

import httpx2
import pytest

from deploy.embedded.sample.__main__ import main
from shared.testing.gateway import Gateway, gateway_of
from shared.testing.running import RunningSystem

ROLES = {"staff", "specialist", "referring_vet", "owner"}


def _mails(gateway: Gateway) -> int:
    return len(httpx2.get(f"{gateway.system.endpoints['mailbox']['http']}/messages").json())


def test_a_second_load_changes_nothing(
    system: RunningSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoints, out = tmp_path / "endpoints.json", tmp_path / "sample.json"
    endpoints.write_text(json.dumps(dict(system.endpoints)))
    assert system.root is not None
    shutil.copy(system.root / "sample.json", out)
    before = json.loads(out.read_text())
    with gateway_of(system) as gateway:
        mails = _mails(gateway)
        assert main(["--endpoints", str(endpoints), "--out", str(out)]) == 0
        assert _mails(gateway) == mails
    assert json.loads(out.read_text()) == before
    assert capsys.readouterr().out.count("is there already") == 2


def test_every_role_of_both_clinics_can_log_in(system: RunningSystem) -> None:
    with gateway_of(system) as gateway:
        for clinic in system.endpoints["clinics"]:
            assert {login["role"] for login in clinic["logins"]} == ROLES
            for role in sorted(ROLES):
                seen = gateway.person(clinic["clinic_id"], role).get(f"/api/portal/v1/clinics/{clinic['clinic_id']}")
                assert seen.json()["name"] == clinic["name"]
            (credential,) = clinic["credentials"]
            machine = gateway.machine(credential["client_id"], credential["client_secret"])
            assert machine.get(f"/api/portal/v1/clinics/{clinic['clinic_id']}").status_code == 200
