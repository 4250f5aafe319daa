"""A whole city's pets through the gateway: every row is visible in the portal or listed as rejected."""

import csv
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pymongo import MongoClient

from deploy.embedded.sample.mails import newest_invitation
from ops.registry_drop import Drop, client_id, convert
from shared.testing.caller import Caller
from shared.testing.gateway import Feed, Gateway, NewClinic, gateway_of
from shared.testing.running import RunningSystem, wait_until

REGISTRY = Path(__file__).resolve().parents[4] / "shared" / "data" / "seattle_pet_licenses_2018-12.csv"
CHUNK = 64 * 1024
PAGE, PAGES = 200, 3
SPECIES = {"Dog": "dog", "Cat": "cat", "Goat": "goat", "Pig": "pig"}
Animal = tuple[str | None, str | None, tuple[str, ...], tuple[str, ...]]
"""Name, species, breeds, owners."""

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not REGISTRY.exists(), reason="the registry file is not beside the repository"),
]


@pytest.fixture
def gateway(system: RunningSystem) -> Iterator[Gateway]:
    with gateway_of(system) as found:
        yield found


def test_every_row_of_the_registry_is_visible_or_rejected_and_a_second_run_appends_nothing(
    gateway: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drop, expected = convert(REGISTRY, tmp_path), registered(REGISTRY)
    clinic = gateway.new_clinic()
    started = time.monotonic()
    first = push(gateway, clinic, drop)
    wait_for_count(gateway, clinic, first["patient"]["appended"])
    seconds = time.monotonic() - started
    check_every_row(gateway, clinic, first, expected)
    again = time.monotonic()
    second = push(gateway, clinic, drop)
    assert {entity: told["appended"] for entity, told in second.items()} == {"client": 0, "patient": 0}
    assert second["patient"]["unchanged"] == first["patient"]["appended"]
    with capsys.disabled():
        rows = drop.patient_rows + drop.client_rows
        print(f"\n{rows} records, {first['patient']['rejected']} rejected: visible after {seconds:.1f} s,", end=" ")
        print(f"{rows / seconds:.0f} records/s; second run {time.monotonic() - again:.1f} s, 0 events")


def push(gateway: Gateway, clinic: NewClinic, drop: Drop) -> dict[str, dict[str, Any]]:
    """A full run, each file streamed; what its answers said."""
    feed = Feed(clinic.pims, clinic.clinic_id)
    run_id = feed.start()
    files = {"client": drop.clients, "patient": drop.patients}
    answers = {entity: feed.send(run_id, entity, chunks(path)) for entity, path in files.items()}
    for answer in answers.values():
        assert answer.status_code == 200, answer.text
    assert feed.complete(run_id, **drop.declared_counts).status_code == 200
    return {entity: answer.json() for entity, answer in answers.items()}


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def wait_for_count(gateway: Gateway, clinic: NewClinic, wanted: int) -> None:
    """Asked rarely: counting reads the whole view, and the development database is busy writing it."""
    path = f"/api/portal/v1/clinics/{clinic.clinic_id}/patients/count"
    operator = gateway.operator()
    wait_until(lambda: bool(operator.get(path).json() == {"count": wanted}), 240, "every row", every=5.0)


def registered(path: Path) -> list[tuple[str, Animal]]:
    """The registry's rows as the portal must show them, in their order: licence number and animal."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [(row["License Number"], animal(row)) for row in csv.DictReader(file)]


def animal(row: dict[str, str]) -> Animal:
    breeds = tuple(row[name] for name in ("Primary Breed", "Secondary Breed") if row[name])
    owner = client_id(row["ZIP Code"])
    return row["Animal's Name"].strip() or None, SPECIES[row["Species"]], breeds, (owner,) if owner else ()


def check_every_row(
    gateway: Gateway, clinic: NewClinic, told: dict[str, dict[str, Any]], expected: list[tuple[str, Animal]]
) -> None:
    """The first row of a number is visible as it stands in the file, every later one is listed as rejected."""
    rejected = {row["line"]: row["code"] for row in pages(clinic.pims, told["patient"]["rejects_url"])}
    firsts: dict[str, Animal] = {}
    for line, (number, shown) in enumerate(expected, 2):
        if number not in firsts:
            firsts[number] = shown
            assert line not in rejected
        else:
            assert rejected.pop(line) == ("duplicate-row" if firsts[number] == shown else "duplicate-id")
    assert rejected == {}
    visible = in_the_read_model(gateway, clinic)
    assert visible == firsts
    assert len(visible) + told["patient"]["rejected"] == len(expected) == told["patient"]["rows"]
    listed = {unquote(row["patient_id"]): as_listed(row) for row in first_pages(gateway, clinic)}
    assert len(listed) == PAGES * PAGE
    assert listed.items() <= firsts.items()


def in_the_read_model(gateway: Gateway, clinic: NewClinic) -> dict[str, Animal]:
    """Every patient, from the documents that the portal answers with.

    Not page by page through the gateway: SecantusDB sorts the whole collection for each of the 263 pages.
    """
    client: MongoClient[dict[str, Any]] = MongoClient(gateway.system.endpoints["mongodb"])
    try:
        rows = client["portal"]["pets"].find({"_clinic": clinic.clinic_id})
        return {unquote(row["patient_id"]): as_stored(row) for row in rows}
    finally:
        client.close()


def as_stored(row: dict[str, Any]) -> Animal:
    breeds = tuple(breed["text"] for breed in row["breeds"])
    return row["name"], row["species"]["canonical"], breeds, tuple(row["owners"])


def first_pages(gateway: Gateway, clinic: NewClinic) -> Iterator[dict[str, Any]]:
    """What staff see of the list's beginning."""
    path = f"/api/portal/v1/clinics/{clinic.clinic_id}/patients"
    return islice(pages(new_staff(gateway, clinic), path), PAGES * PAGE)


def new_staff(gateway: Gateway, clinic: NewClinic) -> Caller:
    """Somebody of the clinic who was invited by mail and has logged in."""
    email, password = f"staff.{clinic.clinic_id}@example.org", f"correct horse {clinic.clinic_id}"
    invited = gateway.operator().post(
        f"/api/portal/v1/clinics/{clinic.clinic_id}/accounts", {"role": "staff", "email": email}
    )
    assert invited.status_code == 201, invited.text
    found = newest_invitation(gateway.http, gateway.system.endpoints["mailbox"]["http"], email)
    choice = {"account_id": found.account_id, "token": found.token, "password": password}
    assert gateway.anonymous().post("/api/portal/v1/activations", choice).status_code == 204
    answer = gateway.anonymous().post("/api/portal/v1/login", {"email": email, "password": password})
    return Caller(gateway.http, "", {"Authorization": f"Bearer {answer.json()['access_token']}"})


def as_listed(row: dict[str, Any]) -> Animal:
    return row["name"], row["species"], tuple(breed["text"] for breed in row["breeds"]), tuple(row["owners"])


def pages(caller: Caller, path: str) -> Iterator[dict[str, Any]]:
    """All pages of a list."""
    answer = caller.get(path, limit=PAGE)
    while True:
        assert answer.status_code == 200, answer.text
        yield from answer.json()
        if "link" not in answer.headers:
            return
        answer = caller.client.get(answer.headers["link"].partition("<")[2].partition(">")[0], headers=caller.headers)
