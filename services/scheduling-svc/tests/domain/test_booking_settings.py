from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.domain.booking_settings import USUAL_PARTS, BookingSettings, SetBookingSettings, booking_settings
from shared.events import scheduling as events
from shared.events.scheduling import PartOfDay
from shared.testing.decider_spec import DeciderSpec

USUAL = BookingSettings()
MORNING, AFTERNOON, EVENING = USUAL_PARTS
mail_to_desk = events.NotifyAddressSet(clinic_id="elm", address="desk@elm.example")
spec = DeciderSpec(booking_settings)


def setting(**changes: object) -> SetBookingSettings:
    return SetBookingSettings("elm", replace(USUAL, **changes))  # type: ignore[arg-type]


def test_r89_a_clinic_sets_the_address_that_requests_are_mailed_to() -> None:
    spec.given().when(setting(notify_address="desk@elm.example")).then(mail_to_desk)


def test_r89_an_address_can_be_made_blank_again() -> None:
    cleared = events.NotifyAddressSet(clinic_id="elm", address=None)
    spec.given(mail_to_desk).when(setting()).then(cleared)


def test_each_setting_that_differs_is_a_fact_of_its_own() -> None:
    wanted = setting(notify_address="desk@elm.example", parts=(MORNING,), horizon_days=30, time_zone="America/Denver")
    spec.given().when(wanted).then(
        mail_to_desk,
        events.PartsOfDaySet(clinic_id="elm", parts=(MORNING,)),
        events.HorizonSet(clinic_id="elm", days=30),
        events.TimeZoneSet(clinic_id="elm", time_zone="America/Denver"),
    )


def test_settings_that_hold_already_are_no_news() -> None:
    spec.given().when(setting()).then_nothing_happens()
    spec.given(mail_to_desk).when(setting(notify_address="desk@elm.example")).then_nothing_happens()


LATE_MORNING = PartOfDay(name="afternoon", starts="11:00", ends="17:00")
BACKWARDS = PartOfDay(name="morning", starts="12:00", ends="08:00")


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ((), "parts-of-day-not-distinct"),
        ((MORNING, MORNING), "parts-of-day-not-distinct"),
        ((BACKWARDS,), "part-of-day-without-time"),
        ((MORNING.model_copy(update={"ends": "08:00"}),), "part-of-day-without-time"),
        ((MORNING, LATE_MORNING), "parts-of-day-overlap"),
        ((EVENING, MORNING), "parts-of-day-overlap"),
    ],
)
def test_r85_parts_of_day_that_make_no_day_are_refused(parts: tuple[PartOfDay, ...], code: str) -> None:
    spec.given().when(setting(parts=parts)).then_refused(code)


settings = st.builds(
    BookingSettings,
    notify_address=st.sampled_from([None, "desk@elm.example", "front@elm.example"]),
    parts=st.sampled_from([USUAL_PARTS, (MORNING,), (MORNING, EVENING)]),
    horizon_days=st.integers(1, 730),
    time_zone=st.sampled_from(["UTC", "America/New_York"]),
)


@given(st.lists(settings, max_size=4), settings)
def test_setting_the_same_again_has_no_second_effect(before: list[BookingSettings], wanted: BookingSettings) -> None:
    state = USUAL
    for each in (*before, wanted):
        for event in booking_settings.decide(SetBookingSettings("elm", each), state):
            state = booking_settings.evolve(state, event)
    assert state == wanted
    assert booking_settings.decide(SetBookingSettings("elm", wanted), state) == []
