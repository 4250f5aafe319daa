from typing import Any

import pytest

from shared.events.portal import ClinicRegistered

BODY = {
    "clinic_id": "harbor",
    "name": "Harbor Pet Clinic",
    "time_zone": "America/Los_Angeles",
    "vendor": "avimark",
}
pytestmark = pytest.mark.anyio


async def test_an_operator_registers_a_clinic(portal: Any) -> None:
    answer = await portal.post("/clinics", BODY, portal.operator())
    assert answer.status_code == 201
    assert answer.json() == {"clinic_id": "harbor", "stream": "clinic-harbor", "revision": 0}
    assert answer.headers["etag"] == '"0"'
    (event,) = await portal.store.events("clinic-harbor")
    assert isinstance(event, ClinicRegistered)
    assert event.model_dump(include=set(BODY)) == BODY


async def test_a_repeated_request_is_answered_and_does_nothing(portal: Any) -> None:
    first = await portal.post("/clinics", BODY, portal.operator(), key="k1")
    again = await portal.post("/clinics", BODY, portal.operator(), key="k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await portal.store.events("clinic-harbor")) == 1


async def test_another_clinic_under_a_taken_id_is_refused(portal: Any) -> None:
    answer = await portal.post("/clinics", {**BODY, "clinic_id": "elm"}, portal.operator())
    assert (answer.status_code, answer.json()["code"]) == (409, "clinic-id-taken")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("clinic_id", "Elm Street"),
        ("clinic_id", "-elm"),
        ("clinic_id", "elm.x"),
        ("time_zone", "America/Nowhere"),
        ("time_zone", "../../etc/passwd"),
        ("time_zone", "EST+99"),
        ("name", ""),
        ("vendor", "AVImark!"),
        ("vendors", "avimark"),
    ],
)
async def test_what_no_clinic_can_be_is_refused(portal: Any, member: str, value: str) -> None:
    before = len(portal.store.log)
    answer = await portal.post("/clinics", {**BODY, member: value}, portal.operator())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{member}"]
    assert len(portal.store.log) == before


@pytest.mark.parametrize("role", ["staff", "owner", "pims", "referring_vet", "specialist"])
async def test_only_operators_register_clinics(portal: Any, role: str) -> None:
    answer = await portal.post("/clinics", BODY, portal.bearer(role))
    assert (answer.status_code, answer.json()["code"]) == (403, "role-not-allowed")


@pytest.mark.parametrize("role", ["staff", "owner", "pims", "referring_vet", "specialist"])
async def test_everybody_with_access_sees_the_clinic(portal: Any, role: str) -> None:
    answer = await portal.get("/clinics/elm", portal.bearer(role))
    assert answer.status_code == 200
    assert answer.json() == {
        "clinic_id": "elm",
        "name": "Elm Street",
        "time_zone": "America/New_York",
        "vendor": "avimark",
    }


async def test_a_clinic_that_has_not_changed_is_not_sent_again(portal: Any) -> None:
    answer = await portal.get("/clinics/elm", portal.bearer() | {"If-None-Match": '"0"'})
    assert answer.status_code == 304


async def test_asvs_8_4_1_another_clinic_and_none_look_the_same(portal: Any) -> None:
    await portal.given_clinic("harbor", "Harbor")
    other = await portal.get("/clinics/harbor", portal.bearer())
    none = await portal.get("/clinics/nowhere", portal.operator())
    assert (other.status_code, other.json()) == (none.status_code, none.json()) == (404, none.json())
