"""The API of scheduling-svc."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from scheduling.api import appointment_requests, appointments, booking_settings, reasons
from scheduling.projections.appointment_card import appointment_cards
from scheduling.projections.booking_settings import booking_settings as booking_settings_view
from scheduling.projections.patient_owners import patient_owners
from scheduling.projections.reason_list import reason_lists
from scheduling.settings import SchedulingSettings
from shared.chassis.api_app import create_api, serve
from shared.chassis.as_of import as_of_router
from shared.chassis.auth import Verifier
from shared.chassis.endpoints import connected

ROUTERS = (
    appointments.router,
    appointment_requests.router,
    reasons.router,
    booking_settings.router,
    as_of_router((appointment_cards, booking_settings_view, patient_owners, reason_lists)),
)
REFUSALS = {
    "not-found": 404,
    "unknown-reason": 422,
    "unknown-patient": 422,
    "part-of-day-not-offered": 422,
    "date-in-the-past": 422,
    "beyond-horizon": 422,
    "time-in-the-past": 422,
    "parts-of-day-not-distinct": 422,
    "part-of-day-without-time": 422,
    "parts-of-day-overlap": 422,
}


def build(
    settings: SchedulingSettings, verifier: Verifier | None = None, state: Mapping[str, Any] | None = None
) -> FastAPI:
    """The app; with `state` (see `create_api`) it opens no connections of its own."""
    lifespan = connected(settings) if state is None else None
    return create_api(settings, ROUTERS, lifespan=lifespan, refusals=REFUSALS, verifier=verifier, state=state)


if __name__ == "__main__":
    configuration = SchedulingSettings()
    serve(lambda: build(configuration), configuration)
