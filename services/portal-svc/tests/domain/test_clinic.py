from dataclasses import replace

from portal.domain.clinic import RegisterClinic, clinic
from shared.events.portal import ClinicRegistered
from shared.testing.clocks import NOON
from shared.testing.decider_spec import DeciderSpec

REGISTER = RegisterClinic("elm", "Elm Street Animal Hospital", "America/New_York", "avimark", NOON)
registered = ClinicRegistered(
    clinic_id="elm",
    name="Elm Street Animal Hospital",
    time_zone="America/New_York",
    vendor="avimark",
    registered_at=NOON,
)
spec = DeciderSpec(clinic)


def test_an_operator_registers_a_clinic() -> None:
    spec.given().when(REGISTER).then(registered)


def test_registering_the_same_clinic_again_changes_nothing() -> None:
    spec.given(registered).when(REGISTER).then_nothing_happens()


def test_another_clinic_cannot_have_the_same_id() -> None:
    spec.given(registered).when(replace(REGISTER, name="Elmer's")).then_refused("clinic-id-taken")


def test_no_clinic_has_the_id_that_stands_for_all_of_them() -> None:
    spec.given().when(replace(REGISTER, clinic_id="platform")).then_refused("clinic-id-reserved")
