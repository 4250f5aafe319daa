"""The API of referral-svc."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from referral.api import queries, referrals
from referral.projections.referral_case import referral_cases
from referral.settings import ReferralSettings
from shared.chassis.api_app import create_api, serve
from shared.chassis.as_of import as_of_router
from shared.chassis.auth import Verifier
from shared.chassis.endpoints import connected

ROUTERS = (referrals.router, queries.router, as_of_router((referral_cases,)))
REFUSALS = {"not-found": 404, "owner-consent-missing": 422, "documents-out-of-order": 422}


def build(
    settings: ReferralSettings, verifier: Verifier | None = None, state: Mapping[str, Any] | None = None
) -> FastAPI:
    """The app; with `state` (see `create_api`) it opens no connections of its own."""
    lifespan = connected(settings) if state is None else None
    return create_api(settings, ROUTERS, lifespan=lifespan, refusals=REFUSALS, verifier=verifier, state=state)


if __name__ == "__main__":
    configuration = ReferralSettings()
    serve(lambda: build(configuration), configuration)
