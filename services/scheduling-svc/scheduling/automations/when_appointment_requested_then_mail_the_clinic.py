"""A request is mailed to the clinic's notify address; no address, no mail (R89)."""

from scheduling.projections.booking_settings import BookingSettingsView
from shared.events.scheduling import AppointmentRequested
from shared.kernel.automation import Automation, Cause, Mail


def react(cause: Cause[AppointmentRequested], booking_settings: BookingSettingsView | None) -> list[Mail]:
    if booking_settings is None or not booking_settings.notify_address:
        return []
    return [_mail(booking_settings.notify_address, cause.event)]


def _mail(address: str, asked: AppointmentRequested) -> Mail:
    """Mail travels in the clear: what the owner wrote, and who wrote it, stay in the portal."""
    lines = (
        f"A client asks for {asked.on:%A, %d %B %Y}, in the {asked.part_of_day}.",
        f"Reason for visit: {asked.reason_name}",
        f"Patient: {asked.patient_id}",
        f"Reference: {asked.appointment_id}",
        "Please answer it in the calendar, under Appointment Requests.",
    )
    subject = f"Appointment request for {asked.on:%d %B %Y}, {asked.part_of_day}"
    return Mail(address, subject, "\n".join(lines) + "\n")


when_appointment_requested_then_mail_the_clinic = Automation(
    "when_appointment_requested_then_mail_the_clinic",
    AppointmentRequested,
    react,
    needs=lambda cause: {"booking_settings": cause.clinic_id},
)
