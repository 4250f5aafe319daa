"""What the sample remembers, and what its files hold."""

import csv
import json
from pathlib import Path

import pytest

from deploy.embedded.sample.cast import CLINICS, SampleClinic
from deploy.embedded.sample.memory import Memory
from deploy.embedded.sample.place import Place, place_from_environment, place_in

EMAIL = "client0007@example.org"


def rows(clinic: SampleClinic, entity: str) -> list[dict[str, str]]:
    return list(csv.DictReader(clinic.file(entity).decode().splitlines()))


def test_a_password_is_written_before_it_is_used(tmp_path: Path) -> None:
    out = tmp_path / "sample.json"
    memory = Memory(out)
    login = memory.login(memory.clinic("elm", "Elm Street"), "owner", EMAIL)
    (written,) = json.loads(out.read_text())["clinics"][0]["logins"]
    assert written == login
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_person_has_one_password_in_all_clinics(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "sample.json")
    first = memory.login(memory.clinic("elm", "Elm Street"), "owner", EMAIL)
    memory.activated(EMAIL)
    second = memory.login(memory.clinic("harbor", "Harbor"), "owner", EMAIL)
    assert (second["password"], second["is_active"]) == (first["password"], True)


def test_what_was_written_is_remembered(tmp_path: Path) -> None:
    out = tmp_path / "sample.json"
    memory = Memory(out)
    elm = memory.clinic("elm", "Elm Street")
    login = memory.login(elm, "staff", "staff.elm@example.org")
    memory.credential(elm, "pims_1", "secret")
    again = Memory(out).clinic("elm", "Elm Street")
    assert again["logins"] == [login]
    assert again["credentials"] == [{"role": "pims", "client_id": "pims_1", "client_secret": "secret"}]


def test_two_people_have_two_passwords(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "sample.json")
    elm = memory.clinic("elm", "Elm Street")
    one, other = memory.login(elm, "staff", "a@example.org"), memory.login(elm, "staff", "b@example.org")
    assert one["password"] != other["password"]


def test_the_place_is_read_from_endpoints_or_from_the_environment(tmp_path: Path) -> None:
    endpoints = tmp_path / "endpoints.json"
    operator = {"client_id": "operator", "client_secret": "a:b"}
    endpoints.write_text(json.dumps({"gateway": "http://g", "mailbox": {"http": "http://m"}, "operator": operator}))
    assert place_in(endpoints) == Place("http://g", "http://m", ("operator", "a:b"))
    env = {"VETWIRE_PUBLIC_URL": "http://g", "VETWIRE_BOOTSTRAP_OPERATOR": "operator:a:b"}
    assert place_from_environment(env) == Place("http://g", "http://g/mailbox", ("operator", "a:b"))


@pytest.mark.parametrize("clinic", CLINICS, ids=lambda clinic: clinic.clinic_id)
def test_every_patient_and_every_login_belongs_to_a_client_of_the_drop(clinic: SampleClinic) -> None:
    clients = {row["AccountId"] for row in rows(clinic, "client")}
    patients = rows(clinic, "patient")
    assert len(clients) == 12
    assert len(patients) == clinic.patients + 1, "one row is wrong on purpose"
    assert {row["ClientAccountId"] for row in patients} <= clients
    assert {person.client_id for person in clinic.others if person.role == "owner"} <= clients


@pytest.mark.parametrize("clinic", CLINICS, ids=lambda clinic: clinic.clinic_id)
def test_nobody_in_the_sample_is_real(clinic: SampleClinic) -> None:
    emails = [row["email"] for row in rows(clinic, "client")]
    emails += [person.email for person in (clinic.staff, *clinic.others)]
    assert all(email.endswith("@example.org") for email in emails)
    assert all("555" in row["Phone1AsIs"] for row in rows(clinic, "client"))
