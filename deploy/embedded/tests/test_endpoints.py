"""What is told about a running system, and about a machine that cannot run one."""

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.embedded import environment
from deploy.embedded.display import PlainDisplay
from deploy.embedded.endpoints import Server, server_endpoints, servers, summary, write_endpoints
from deploy.embedded.options import HOST, USUAL_PORTS, Options
from deploy.embedded.servers_plan import addresses
from deploy.embedded.state import ComponentState, Condition, read_json, write_json

PORTS = {name: 20_000 + number for number, name in enumerate(USUAL_PORTS)}
CONTENT = {"gateway": "http://g.local", "mailbox": {"http": "http://m.local"}, "servers": []}


CLINIC = {
    "clinic_id": "elm",
    "name": "Elm Street",
    "logins": [{"role": "staff", "email": "ann@example.com", "password": "pass"}],
    "credentials": [{"role": "pims", "client_id": "pims_1", "client_secret": "hidden"}],
}


def test_the_clinics_of_the_sample_loader_are_merged_in(tmp_path: Path) -> None:
    write_json(tmp_path / "sample.json", {"clinics": [CLINIC]})
    write_endpoints(tmp_path, CONTENT)
    assert read_json(tmp_path / "endpoints.json") == {**CONTENT, "clinics": [CLINIC]}


def test_the_summary_names_addresses_and_logins() -> None:
    text = summary({**CONTENT, "clinics": [CLINIC], "operator": {"client_id": "operator", "client_secret": "x"}})
    assert [line.split() for line in text.splitlines()] == [
        ["gateway", "http://g.local"],
        ["mails", "http://m.local/messages"],
        ["clinic", "Elm", "Street", "(elm)"],
        ["staff", "ann@example.com", "pass"],
        ["pims", "pims_1", "hidden"],
        ["operator", "operator", "x"],
    ]


def test_a_stand_in_for_kafka_is_named_with_its_warning(tmp_path: Path) -> None:
    write_json(tmp_path / "data" / "broker.json", {"name": "noida-db", "version": "0.2.3", "note": "no jars"})
    options = Options(root=tmp_path)
    _, broker, _ = servers(options, addresses(options, PORTS))
    assert broker == Server("noida-db", "0.2.3", "embedded", f"{HOST}:{PORTS['KAFKA_PORT']}", "no jars")
    assert "WARNING: no jars" in summary({**CONTENT, "servers": [asdict(broker)]})


def test_servers_that_were_not_started_are_not_told_of(tmp_path: Path) -> None:
    options = Options(root=tmp_path)
    told = server_endpoints(options, addresses(options, PORTS), ["mongodb"])
    assert told.keys() == {"mongodb", "servers"}
    assert [each["name"] for each in told["servers"]] == ["SecantusDB (MongoDB protocol)"]
    assert told["mongodb"] in summary(told)


def test_a_given_server_is_named_without_its_password(tmp_path: Path) -> None:
    given = Options(root=tmp_path, broker="k.local:9092", mongodb="mongodb://vet:secret@m.local/?tls=true")
    named = servers(given, addresses(given, PORTS))
    assert [each.address for each in named[1:]] == ["k.local:9092", "mongodb://m.local/?tls=true"]


def test_progress_is_one_line_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    display, states = PlainDisplay(), {"kafka": ComponentState()}
    conditions: tuple[Condition, ...] = ("waiting", "starting", "starting", "ready", "ready")
    for condition in conditions:
        states["kafka"].state = condition
        display.show(states)
    assert [line.split()[2:4] for line in capsys.readouterr().out.splitlines()] == [
        ["kafka", "starting"],
        ["kafka", "ready"],
    ]


def test_a_python_that_is_too_old_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    monkeypatch.setattr(environment, "shutil", SimpleNamespace(which=lambda name: None))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11, 3\.12 or 3\.13 on the PATH; this one is 3\.10\.4"):
        environment.use_a_fitting_python()


def test_the_operators_command_runs_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(environment, "VENV", tmp_path)
    monkeypatch.setattr(environment, "PROJECT", tmp_path / "it's here")
    package = environment.PROJECT / "ops" / "vetwire"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text("import sys; print(sys.argv[1:], __name__)")
    for _ in range(2):
        environment.write_commands()
    command = [str(tmp_path / "bin" / "vetwire"), "status", "--json"]
    told = subprocess.run(command, cwd=tmp_path / "bin", capture_output=True, text=True, check=True)
    assert told.stdout == "['status', '--json'] __main__\n"
    assert sorted(path.name for path in (tmp_path / "bin").iterdir()) == ["python", "vetwire"]


def test_the_environment_is_made_again_only_when_a_lock_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("a==1\n")
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.setattr(environment, "REQUIREMENTS", lock)
    monkeypatch.setattr(environment, "VENV", tmp_path / "venv")
    monkeypatch.setattr(environment, "MARK", tmp_path / "venv" / "mark")
    assert not environment.is_current()
    environment.MARK.write_text(environment.fingerprint())
    assert environment.is_current()
    lock.write_text("a==2\n")
    assert not environment.is_current()
