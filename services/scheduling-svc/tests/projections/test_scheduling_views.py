from datetime import date, timedelta

from scheduling.domain.booking_settings import USUAL_PARTS
from scheduling.projections.appointment_card import AppointmentCard, appointment_cards
from scheduling.projections.booking_settings import BookingSettingsView, booking_settings
from scheduling.projections.patient_owners import PatientOwners, patient_owners
from scheduling.projections.reason_list import ReasonLine, ReasonList, reason_lists
from shared.events import pims_sync
from shared.events import scheduling as events
from shared.testing.clocks import NOON
from shared.testing.projection_spec import ProjectionSpec

cards = ProjectionSpec(appointment_cards)
settings = ProjectionSpec(booking_settings)
reasons = ProjectionSpec(reason_lists)
owners = ProjectionSpec(patient_owners)

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
START = NOON + timedelta(days=3)
confirmed = events.AppointmentConfirmed(clinic_id="elm", appointment_id="a1", starts_at=START, confirmed_at=NOON)
declined = events.AppointmentDeclined(
    clinic_id="elm", appointment_id="a1", client_id="7", explanation="Full.", declined_at=NOON
)
cancelled = events.AppointmentCancelled(clinic_id="elm", appointment_id="a1", cancelled_at=NOON)
card = AppointmentCard(
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


def test_r90_a_request_is_a_card() -> None:
    cards.given(requested).then(card)


def test_the_card_follows_the_clinics_answer() -> None:
    cards.given(requested, confirmed).then_fields(status="confirmed", starts_at=START)
    cards.given(requested, declined).then_fields(status="declined", explanation="Full.", starts_at=None)
    cards.given(requested, cancelled).then_fields(status="cancelled")


def test_an_answer_to_an_unknown_request_is_no_card() -> None:
    cards.given(confirmed).then(None)


def test_a_request_of_an_erased_owner_has_no_message() -> None:
    erased = requested.model_copy(update={"message": None})
    cards.given(erased).then(card.model_copy(update={"message": None}))


def test_r89_settings_begin_with_the_usual() -> None:
    address = events.NotifyAddressSet(clinic_id="elm", address="desk@elm.example")
    settings.given().then(None)
    settings.given(address).then(BookingSettingsView(notify_address="desk@elm.example", parts_of_day=USUAL_PARTS))


def test_each_setting_shows_its_newest_value() -> None:
    settings.given(
        events.NotifyAddressSet(clinic_id="elm", address="desk@elm.example"),
        events.PartsOfDaySet(clinic_id="elm", parts=USUAL_PARTS[:2]),
        events.HorizonSet(clinic_id="elm", days=30),
        events.TimeZoneSet(clinic_id="elm", time_zone="America/Denver"),
        events.NotifyAddressSet(clinic_id="elm", address=None),
    ).then(BookingSettingsView(parts_of_day=USUAL_PARTS[:2], horizon_days=30, time_zone="America/Denver"))


def added(reason_id: str, name: str) -> events.ReasonAdded:
    return events.ReasonAdded(clinic_id="elm", reason_id=reason_id, name=name, description="d", appointment_type="EXAM")


def line(reason_id: str, name: str, **more: bool) -> ReasonLine:
    return ReasonLine(reason_id=reason_id, name=name, description="d", appointment_type="EXAM", **more)


def test_r92_one_reason_at_most_is_the_default() -> None:
    first, second = (events.ReasonMadeDefault(clinic_id="elm", reason_id=id_) for id_ in ("r1", "r2"))
    reasons.given(added("r1", "Check-up"), first, added("r2", "Dental"), second).then(
        ReasonList(reasons=(line("r1", "Check-up"), line("r2", "Dental", is_default=True)))
    )


def test_r93_an_inactive_reason_stays_on_the_list() -> None:
    default = events.ReasonMadeDefault(clinic_id="elm", reason_id="r1")
    gone = events.ReasonDeactivated(clinic_id="elm", reason_id="r1")
    reasons.given(added("r1", "Check-up"), default, added("r2", "Dental"), gone).then(
        ReasonList(reasons=(line("r1", "Check-up", is_active=False), line("r2", "Dental")))
    )


def synced(*client_ids: str, dead: bool = False, status: pims_sync.Status = "active") -> pims_sync.PatientSynced:
    return pims_sync.PatientSynced(
        clinic_id="elm",
        patient_id="42",
        vendor="avimark",
        owners=tuple(pims_sync.Ownership(client_id=c) for c in client_ids),
        death=pims_sync.Death(known=dead),
        status=status,
        fingerprint="f",
        observed_at=NOON,
    )


def test_a_patient_may_be_booked_by_each_of_its_owners() -> None:
    view = owners.given(synced("7", "8")).view()
    assert view is not None
    assert view.may_be_booked_by("7")
    assert view.may_be_booked_by("8")
    assert not view.may_be_booked_by("9")


def test_a_former_owner_does_not_book() -> None:
    ended = pims_sync.OwnershipEnded(clinic_id="elm", patient_id="42", client_id="7", observed_at=NOON)
    owners.given(synced("7", "8"), ended).then(PatientOwners(client_ids=("8",)))


def test_nobody_books_for_a_deceased_patient_until_it_was_a_mistake() -> None:
    died = pims_sync.PatientDied(clinic_id="elm", patient_id="42", observed_at=NOON)
    revived = pims_sync.PatientRevived(clinic_id="elm", patient_id="42", observed_at=NOON)
    owners.given(synced("7"), died).then(PatientOwners(client_ids=("7",), is_deceased=True))
    owners.given(synced("7"), died, revived).then(PatientOwners(client_ids=("7",)))
    owners.given(synced("7", dead=True)).then(PatientOwners(client_ids=("7",), is_deceased=True))


def test_a_deleted_patient_is_gone() -> None:
    died = pims_sync.PatientDied(clinic_id="elm", patient_id="42", observed_at=NOON)
    owners.given(synced("7"), synced("7", status="deleted")).then(None)
    owners.given(died).then(None)
