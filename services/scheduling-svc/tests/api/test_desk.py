from typing import Any

import pytest

from scheduling.main import build
from scheduling.settings import SchedulingSettings
from shared.testing.api_in_memory import ApiInMemory
from shared.testing.caller import code_of

MORNING = {"name": "morning", "starts": "08:00", "ends": "12:00"}
SETTINGS = {
    "notify_address": "desk@elm.example",
    "parts_of_day": [MORNING],
    "horizon_days": 60,
    "time_zone": "America/Denver",
}


@pytest.fixture
def api() -> ApiInMemory:
    return ApiInMemory(build, SchedulingSettings())


def test_a_clinic_begins_with_the_usual_settings(api: ApiInMemory) -> None:
    answer = api.caller().get("/booking-settings").json()
    assert answer["notify_address"] is None
    assert [part["name"] for part in answer["parts_of_day"]] == ["morning", "afternoon", "evening"]
    assert answer["revision"] is None


def test_r89_settings_are_set_as_a_whole_and_a_repeat_is_no_event(api: ApiInMemory) -> None:
    first = api.caller().put("/booking-settings", SETTINGS)
    second = api.caller().put("/booking-settings", SETTINGS)
    assert first.json() == second.json() == {"stream": "bookingsettings-elm", "revision": 3}
    assert api.caller().get("/booking-settings").json() == {**SETTINGS, "revision": 3}


def test_settings_that_changed_meanwhile_are_not_overwritten(api: ApiInMemory) -> None:
    api.caller().put("/booking-settings", SETTINGS)
    assert code_of(api.caller().put("/booking-settings", SETTINGS, if_match=0)) == (412, "revision-mismatch")
    assert api.caller().put("/booking-settings", {**SETTINGS, "horizon_days": 61}, if_match=3).status_code == 200
    known = api.caller().with_headers(**{"If-None-Match": '"4"'})
    assert known.get("/booking-settings").status_code == 304


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"notify_address": "not an address"}, "invalid-request"),
        ({"notify_address": "a@b.example\nBcc: c@d.example"}, "invalid-request"),
        ({"time_zone": "Mars/Olympus"}, "invalid-request"),
        ({"horizon_days": 0}, "invalid-request"),
        ({"parts_of_day": [{**MORNING, "ends": "8:00"}]}, "invalid-request"),
        ({"parts_of_day": [{**MORNING, "ends": "08:00"}]}, "part-of-day-without-time"),
        ({"parts_of_day": [{**MORNING, "more": 1}]}, "invalid-request"),
        ({"more": 1}, "invalid-request"),
    ],
)
def test_settings_that_make_no_sense_are_refused(api: ApiInMemory, changes: dict[str, Any], code: str) -> None:
    assert code_of(api.caller().put("/booking-settings", {**SETTINGS, **changes})) == (422, code)
    assert api.events() == []


def test_r92_r93_owners_see_the_active_reasons_and_staff_all(api: ApiInMemory) -> None:
    staff = api.caller()
    ids = [
        staff.post("/appointment-reasons", {"name": name, "is_default": True}).json()["reason_id"]
        for name in ("Check-up", "Dental")
    ]
    assert staff.post(f"/appointment-reasons/{ids[0]}/make-default").status_code == 200
    assert staff.post(f"/appointment-reasons/{ids[1]}/deactivate").status_code == 200
    [offered] = api.owner().get("/appointment-reasons").json()
    assert (offered["name"], offered["is_default"]) == ("Check-up", True)
    kept = staff.get("/appointment-reasons").json()
    assert [(reason["name"], reason["is_active"]) for reason in kept] == [("Check-up", True), ("Dental", False)]


def test_two_reasons_of_one_name_are_refused(api: ApiInMemory) -> None:
    api.caller().post("/appointment-reasons", {"name": "Dental"})
    assert code_of(api.caller().post("/appointment-reasons", {"name": "dental"})) == (409, "reason-name-taken")


def test_reasons_belong_to_their_clinic(api: ApiInMemory) -> None:
    reason_id = api.caller().post("/appointment-reasons", {"name": "Dental"}).json()["reason_id"]
    oak = api.caller(clinic="oak")
    assert oak.get("/appointment-reasons").json() == []
    assert code_of(oak.post(f"/appointment-reasons/{reason_id}/deactivate")) == (404, "not-found")


def test_owners_do_not_keep_the_desk(api: ApiInMemory) -> None:
    assert code_of(api.owner().put("/booking-settings", SETTINGS)) == (403, "role-not-allowed")
    assert code_of(api.owner().get("/booking-settings")) == (403, "role-not-allowed")
    assert code_of(api.owner().post("/appointment-reasons", {"name": "Dental"})) == (403, "role-not-allowed")
