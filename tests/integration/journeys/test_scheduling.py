"""An owner asks for an appointment; the clinic sees it on its list and in its mail (R85, R89-R91, R95, R102)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from shared.chassis import clock
from shared.testing.caller import Caller
from shared.testing.gateway import Gateway, gateway_of
from shared.testing.running import RunningSystem, wait_until

PATH = "/api/scheduling/v1/clinics/elm"
MAILED_WITHIN = 30.0
VISIBLE_WITHIN = 60.0


@pytest.fixture
def gateway(system: RunningSystem) -> Iterator[Gateway]:
    with gateway_of(system) as found:
        yield found


def set_notify_address(staff: Caller, address: str | None) -> None:
    path = f"{PATH}/booking-settings"
    known = staff.get(path).json()
    wanted = {name: value for name, value in known.items() if name != "revision"} | {"notify_address": address}
    shown = staff.read(path, staff.put(path, wanted))
    assert shown.json()["notify_address"] == address


def living_pet(owner: Caller) -> str:
    pets = owner.get("/api/portal/v1/clinics/elm/pets").json()
    return str(next(pet["patient_id"] for pet in pets if not pet["deceased"]))


def ask(owner: Caller, **wish: Any) -> httpx2.Response:
    """As soon as the service has heard from the practice's system whose the patient is."""
    on = (clock.now() + timedelta(days=7)).date().isoformat()
    asked = {"patient_id": living_pet(owner), "on": on, "part_of_day": "morning", **wish}
    answers: list[httpx2.Response] = []

    def is_answered() -> bool:
        answers.append(owner.post(f"{PATH}/appointments", asked))
        return answers[-1].status_code == 201 or answers[-1].json()["code"] != "unknown-patient"

    wait_until(is_answered, VISIBLE_WITHIN, "scheduling to know the patient")
    return answers[-1]


def mails_to(gateway: Gateway, address: str) -> list[dict[str, Any]]:
    url = f"{gateway.system.endpoints['mailbox']['http']}/messages"
    listed = httpx2.get(url).json()
    return [httpx2.get(f"{url}/{mail['id']}").json() for mail in listed if address in mail["to"]]


def test_r85_r90_r102_a_request_is_on_the_clinics_list_and_in_its_mail(gateway: Gateway) -> None:
    staff, owner = gateway.person("elm", "staff"), gateway.person("elm", "owner")
    mark = uuid4().hex[:8]
    address = f"desk-{mark}@elm.example"
    set_notify_address(staff, address)
    reason = staff.post(f"{PATH}/appointment-reasons", {"name": f"Check-up {mark}"}).json()["reason_id"]
    asked = ask(owner, reason_id=reason, message="He limps on the left.")
    assert asked.status_code == 201, asked.text
    path = f"{PATH}/appointment-requests/{asked.json()['appointment_id']}"
    card = staff.read(path, asked).json()
    assert (card["status"], card["reason_name"], card["message"]) == (
        "requested",
        f"Check-up {mark}",
        "He limps on the left.",
    )
    wait_until(lambda: len(mails_to(gateway, address)) > 0, MAILED_WITHIN, "the mail to the clinic")
    [mail] = mails_to(gateway, address)
    assert asked.json()["appointment_id"] in mail["text"]
    assert "limps" not in mail["text"]


def test_the_owner_sees_the_clinics_answer(gateway: Gateway) -> None:
    staff, owner = gateway.person("elm", "staff"), gateway.person("elm", "owner")
    name = f"Dental {uuid4().hex[:8]}"
    reason = staff.post(f"{PATH}/appointment-reasons", {"name": name}).json()["reason_id"]
    appointment_id = ask(owner, reason_id=reason).json()["appointment_id"]
    starts_at = (clock.now() + timedelta(days=7)).isoformat()
    path = f"{PATH}/appointment-requests/{appointment_id}/confirm"
    confirmed = staff.post(path, {"starts_at": starts_at}, if_match=0)
    own = owner.read(f"{PATH}/appointments", confirmed, limit=200).json()
    assert {each["appointment_id"]: each["status"] for each in own}[appointment_id] == "confirmed"


def test_r95_a_reason_that_the_clinic_does_not_offer_is_refused(gateway: Gateway) -> None:
    staff, owner = gateway.person("elm", "staff"), gateway.person("elm", "owner")
    name = f"Vaccination {uuid4().hex[:8]}"
    reason = staff.post(f"{PATH}/appointment-reasons", {"name": name}).json()["reason_id"]
    assert staff.post(f"{PATH}/appointment-reasons/{reason}/deactivate").status_code == 200
    refused = ask(owner, reason_id=reason)
    assert refused.json()["code"] in {"unknown-reason", "no-active-reason"}
