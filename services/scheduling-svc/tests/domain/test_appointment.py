from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.domain.appointment import Appointment, NotRequested, appointment
from scheduling.domain.appointment_commands import (
    CancelAppointment,
    Command,
    ConfirmAppointment,
    DeclineAppointment,
    RequestAppointment,
)
from scheduling.domain.booking_settings import USUAL_PARTS, BookingSettings
from scheduling.domain.desk import Desk
from scheduling.domain.reasons import Reason, Reasons
from shared.events import scheduling as events
from shared.events.scheduling import AppointmentEvent
from shared.kernel.errors import Refused
from shared.testing.clocks import NOON
from shared.testing.decider_spec import DeciderSpec

TODAY = date(2026, 3, 2)
TIME = NOON + timedelta(days=3)
CHECK_UP = Reason("r1", "Check-up")
OPEN = Desk(BookingSettings(horizon_days=30), Reasons({"r1": CHECK_UP}), TODAY)
ASK = RequestAppointment(
    clinic_id="elm",
    appointment_id="a1",
    client_id="7",
    patient_id="42",
    on=date(2026, 3, 5),
    part_of_day="morning",
    reason_id="r1",
    message="He limps.",
    desk=OPEN,
    now=NOON,
)
CONFIRM = ConfirmAppointment(TIME, NOON)
DECLINE = DeclineAppointment("We are full.", NOON)
CANCEL = CancelAppointment("7", NOON)
requested = events.AppointmentRequested(
    clinic_id="elm",
    appointment_id="a1",
    client_id="7",
    patient_id="42",
    on=date(2026, 3, 5),
    part_of_day="morning",
    reason_id="r1",
    reason_name="Check-up",
    message="He limps.",
    requested_at=NOON,
)
confirmed = events.AppointmentConfirmed(clinic_id="elm", appointment_id="a1", starts_at=TIME, confirmed_at=NOON)
declined = events.AppointmentDeclined(
    clinic_id="elm", appointment_id="a1", client_id="7", explanation="We are full.", declined_at=NOON
)
cancelled = events.AppointmentCancelled(clinic_id="elm", appointment_id="a1", cancelled_at=NOON)
spec = DeciderSpec(appointment)


def asking(desk: Desk = OPEN, **changes: Any) -> RequestAppointment:
    return replace(ASK, desk=desk, **changes)


def test_r85_an_owner_asks_for_a_date_and_a_part_of_day() -> None:
    spec.given().when(ASK).then(requested)


def test_r95_the_message_is_optional() -> None:
    spec.given().when(asking(message=None)).then(requested.model_copy(update={"message": None}))


def test_r91_without_any_reason_nothing_can_be_requested() -> None:
    spec.given().when(asking(replace(OPEN, reasons=Reasons()))).then_refused("no-active-reason")


def test_r91_inactive_reasons_do_not_count() -> None:
    inactive = Reasons({"r1": replace(CHECK_UP, is_active=False)})
    spec.given().when(asking(replace(OPEN, reasons=inactive))).then_refused("no-active-reason")


def test_r95_a_request_carries_a_reason_that_the_clinic_offers() -> None:
    spec.given().when(asking(reason_id="r9")).then_refused("unknown-reason")
    gone = Reasons({"r1": CHECK_UP, "r2": Reason("r2", "Dental", is_active=False)})
    spec.given().when(asking(replace(OPEN, reasons=gone), reason_id="r2")).then_refused("unknown-reason")


def test_r85_a_part_of_day_that_the_clinic_does_not_offer_is_refused() -> None:
    mornings = replace(OPEN, settings=BookingSettings(parts=USUAL_PARTS[:1]))
    spec.given().when(asking(mornings, part_of_day="evening")).then_refused("part-of-day-not-offered")


def test_r85_today_is_the_first_day_that_can_be_asked_for() -> None:
    spec.given().when(asking(on=TODAY)).then(requested.model_copy(update={"on": TODAY}))
    spec.given().when(asking(on=TODAY - timedelta(days=1))).then_refused("date-in-the-past")


def test_r85_the_horizon_is_the_last_day_that_can_be_asked_for() -> None:
    last = TODAY + timedelta(days=30)
    spec.given().when(asking(on=last)).then(requested.model_copy(update={"on": last}))
    spec.given().when(asking(on=last + timedelta(days=1))).then_refused("beyond-horizon")


def test_a_time_in_the_past_cannot_be_given() -> None:
    spec.given(requested).when(ConfirmAppointment(NOON, NOON)).then_refused("time-in-the-past")


def test_to_anybody_but_the_owner_the_appointment_does_not_exist() -> None:
    for history in ([requested], [requested, confirmed], [requested, declined], [requested, cancelled]):
        spec.given(*history).when(CancelAppointment("8", NOON)).then_refused("not-found")


STATES: dict[str, list[AppointmentEvent]] = {
    "nothing": [],
    "requested": [requested],
    "confirmed": [requested, confirmed],
    "declined": [requested, declined],
    "cancelled": [requested, cancelled],
}
COMMANDS: dict[str, Command] = {"request": ASK, "confirm": CONFIRM, "decline": DECLINE, "cancel": CANCEL}
OUTCOMES: dict[tuple[str, str], AppointmentEvent | str | None] = {
    ("nothing", "request"): requested,
    ("requested", "request"): None,
    ("confirmed", "request"): None,
    ("declined", "request"): None,
    ("cancelled", "request"): None,
    ("nothing", "confirm"): "not-found",
    ("requested", "confirm"): confirmed,
    ("confirmed", "confirm"): None,
    ("declined", "confirm"): "appointment-already-declined",
    ("cancelled", "confirm"): "appointment-already-cancelled",
    ("nothing", "decline"): "not-found",
    ("requested", "decline"): declined,
    ("confirmed", "decline"): "appointment-already-confirmed",
    ("declined", "decline"): None,
    ("cancelled", "decline"): "appointment-already-cancelled",
    ("nothing", "cancel"): "not-found",
    ("requested", "cancel"): cancelled,
    ("confirmed", "cancel"): "appointment-already-confirmed",
    ("declined", "cancel"): "appointment-already-declined",
    ("cancelled", "cancel"): None,
}


def test_every_command_is_answered_in_every_state() -> None:
    assert OUTCOMES.keys() == set(product(STATES, COMMANDS))


@pytest.mark.parametrize(("state", "command"), OUTCOMES)
def test_a_command_in_a_state_has_this_outcome(state: str, command: str) -> None:
    asked = spec.given(*STATES[state]).when(COMMANDS[command])
    match OUTCOMES[state, command]:
        case None:
            asked.then_nothing_happens()
        case str() as code:
            asked.then_refused(code)
        case event:
            asked.then(event)


def test_a_second_confirmation_for_another_time_is_refused() -> None:
    later = ConfirmAppointment(TIME + timedelta(hours=1), NOON)
    spec.given(requested, confirmed).when(later).then_refused("appointment-already-confirmed")


def test_an_answer_without_a_request_is_no_history() -> None:
    with pytest.raises(ValueError, match="begins no appointment"):
        appointment.fold([confirmed])


commands = st.sampled_from(list(COMMANDS.values()))


@given(st.lists(commands, max_size=5), commands)
def test_deciding_a_command_again_has_no_second_effect(before: list[Command], command: Command) -> None:
    state: Appointment = NotRequested()
    for each in (*before, command):
        try:
            decided = appointment.decide(each, state)
        except Refused:
            if each is command:
                return
            continue
        for event in decided:
            state = appointment.evolve(state, event)
    assert appointment.decide(command, state) == []
