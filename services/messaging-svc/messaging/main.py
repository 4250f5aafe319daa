"""The API of messaging-svc."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from messaging.api import sending_numbers, sms_consents, webhooks
from messaging.projections import sending_number, sms_consent
from messaging.settings import MessagingSettings
from shared.chassis.api_app import create_api, serve
from shared.chassis.as_of import as_of_router
from shared.chassis.auth import Verifier
from shared.chassis.endpoints import connected

VIEWS = (sending_number.sending_numbers, sms_consent.sms_consents)
ROUTERS = (webhooks.router, sms_consents.router, sending_numbers.router, as_of_router(VIEWS))
REFUSALS = {"not-found": 404}


def build(
    settings: MessagingSettings, verifier: Verifier | None = None, state: Mapping[str, Any] | None = None
) -> FastAPI:
    """The app; with `state` (see `create_api`) it opens no connections of its own."""
    lifespan = connected(settings) if state is None else None
    return create_api(settings, ROUTERS, lifespan=lifespan, refusals=REFUSALS, verifier=verifier, state=state)


if __name__ == "__main__":
    configuration = MessagingSettings()
    serve(lambda: build(configuration), configuration)
