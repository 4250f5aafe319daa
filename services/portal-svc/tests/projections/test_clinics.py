from portal.projections.clinics import Clinic, clinics
from shared.events.portal import ClinicRegistered
from shared.testing.clocks import NOON
from shared.testing.projection_spec import ProjectionSpec


def test_a_registered_clinic_has_a_document() -> None:
    clinic = {"clinic_id": "elm", "name": "Elm Street", "time_zone": "America/New_York", "vendor": "avimark"}
    registered = ClinicRegistered(**clinic, registered_at=NOON)
    ProjectionSpec(clinics).given(registered).then(Clinic(**clinic))
    ProjectionSpec(clinics).given(registered, registered).then(Clinic(**clinic))
