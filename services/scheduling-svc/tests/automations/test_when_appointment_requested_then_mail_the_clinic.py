from datetime import date

from scheduling.automations.when_appointment_requested_then_mail_the_clinic import (
    when_appointment_requested_then_mail_the_clinic,
)
from scheduling.projections.booking_settings import BookingSettingsView
from shared.events.scheduling import AppointmentRequested
from shared.kernel.automation import Cause, Mail
from shared.testing.automation_spec import AutomationSpec
from shared.testing.clocks import NOON

spec = AutomationSpec(when_appointment_requested_then_mail_the_clinic)
WITH_ADDRESS = BookingSettingsView(notify_address="desk@elm.example")
asked = AppointmentRequested(
    clinic_id="elm",
    appointment_id="a1",
    client_id="7",
    patient_id="42",
    on=date(2026, 3, 5),
    part_of_day="morning",
    reason_id="r1",
    reason_name="Check-up",
    message="My number is 555 0100.",
    requested_at=NOON,
)


def test_r102_a_request_is_mailed_to_the_notify_address() -> None:
    [mail] = spec.given(booking_settings=WITH_ADDRESS).when(asked).reactions()
    assert isinstance(mail, Mail)
    assert (mail.to, mail.subject) == ("desk@elm.example", "Appointment request for 05 March 2026, morning")
    assert "Thursday, 05 March 2026, in the morning" in mail.text
    assert "Check-up" in mail.text
    assert "a1" in mail.text


def test_r89_no_address_no_mail() -> None:
    spec.given(booking_settings=BookingSettingsView(notify_address=None)).when(asked).then_nothing_happens()
    spec.given(booking_settings=BookingSettingsView(notify_address="")).when(asked).then_nothing_happens()


def test_r89_a_clinic_that_set_nothing_gets_no_mail() -> None:
    spec.given().when(asked).then_nothing_happens()


def test_what_the_owner_wrote_does_not_leave_in_the_mail() -> None:
    [mail] = spec.given(booking_settings=WITH_ADDRESS).when(asked).reactions()
    assert isinstance(mail, Mail)
    assert "555" not in mail.subject + mail.text


def test_each_clinics_mail_goes_by_its_own_settings() -> None:
    needs = when_appointment_requested_then_mail_the_clinic.needs
    assert needs(Cause(asked, "elm", "a1", "e1")) == {"booking_settings": "elm"}
    assert needs(Cause(asked, "oak", "a1", "e2")) == {"booking_settings": "oak"}
