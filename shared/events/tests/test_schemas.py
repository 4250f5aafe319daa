"""The schemas in git are the contract: what the code says must be the same, and may only grow."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from shared.events import catalogue, corpus

TYPES = sorted(catalogue.registered())
ADVICE = "run `python -m shared.events.catalogue write` and look at the difference in git"


def test_no_approved_type_changed_in_a_way_that_stored_events_would_not_survive() -> None:
    assert catalogue.incompatible() == []


def test_the_approved_schemas_are_what_the_code_says() -> None:
    assert catalogue.unapproved() == [], ADVICE


def test_every_service_declares_events() -> None:
    assert {name.partition(".")[0] for name in TYPES} == set(catalogue.WRITERS)


@pytest.mark.parametrize("path", sorted(catalogue.SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_every_approved_file_is_a_json_schema_that_says_its_name(path: Path) -> None:
    schema = json.loads(path.read_bytes())
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == path.stem
    assert path.read_text(encoding="utf-8") == catalogue.text_of(schema)


@pytest.mark.parametrize("name", TYPES)
def test_names_are_service_event_and_version(name: str) -> None:
    service, event, version = name.split(".")
    assert service in catalogue.WRITERS
    assert event[0].isupper()
    assert event.isalnum()
    assert version[0] == "v"
    assert int(version[1:]) >= 1


@pytest.mark.parametrize("name", TYPES)
def test_facts_are_not_called_updated_or_changed_without_saying_what(name: str) -> None:
    # The clinic's words: `PasswordChanged` says what happened, `AppointmentUpdated` does not.
    assert not name.split(".")[1].endswith("Updated")


def test_a_personal_field_is_sealed_or_null_and_never_plain() -> None:
    schema = catalogue.approved("pims-sync.ClientSynced.v1")
    assert schema is not None
    validator = Draft202012Validator(schema)
    data = corpus.sample(schema)["data"]
    assert list(validator.iter_errors(data)) == []
    assert list(validator.iter_errors(data | {"first_name": None})) == []
    assert list(validator.iter_errors(data | {"first_name": "Ana"}))


def test_the_command_refuses_what_would_break_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalogue, "incompatible", lambda: ["x.Y.v1: field z is gone."])
    monkeypatch.setattr(catalogue, "SCHEMAS", tmp_path)
    assert catalogue.main(["write"]) == 1
    assert "field z is gone" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_command_finds_nothing_to_approve(capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogue.main(["check"]) == 0
    assert capsys.readouterr().out == ""


def test_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogue.main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_writing_again_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogue.findings() == []
    assert catalogue.main(["write"]) == 0
    assert capsys.readouterr().out == ""


def test_a_changed_approved_schema_is_noticed(tmp_path: Path) -> None:
    name = TYPES[0]
    for path in catalogue.SCHEMAS.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    schema = catalogue.approved(name)
    assert schema is not None
    schema["properties"]["zeal"] = {"type": "string"}
    (tmp_path / f"{name}.json").write_text(catalogue.text_of(schema), encoding="utf-8")
    (tmp_path / "portal.Stray.v1.json").write_text("{}", encoding="utf-8")
    assert catalogue.unapproved(tmp_path) == [name, "portal.Stray.v1"]
    assert catalogue.incompatible(tmp_path) == [
        f"{name}: the event: field zeal is gone. Give the event a new version and an upcaster from this one."
    ]
