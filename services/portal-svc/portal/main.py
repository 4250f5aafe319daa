"""The API process: identity, and the owner's portal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from portal.api import accounts, activations, clinics, keys, oauth, owners, pims_clients, sessions, staff
from portal.api.throttle import MongoThrottle
from portal.projections import accounts as account_views
from portal.projections import clients, clinic_feeds, pets
from portal.projections import clinics as clinic_views
from portal.settings import ACCESS_TOKEN_SECONDS, PortalSettings
from shared.chassis.api_app import create_api, serve
from shared.chassis.as_of import as_of_router
from shared.chassis.auth import Verifier, jwks_at
from shared.chassis.endpoints import connected
from shared.chassis.tokens import TokenIssuer

VIEWS = (account_views.accounts, clients.clients, clinic_feeds.clinic_feeds, clinic_views.clinics, pets.pets)
ROUTERS = (
    *(module.router for module in (keys, sessions, oauth, activations, clinics, accounts, pims_clients, owners, staff)),
    as_of_router(VIEWS),
)
REFUSALS = {
    "may-not-invite-this-role": 403,
    "not-found": 404,
    "invitation-invalid": 400,
    **dict.fromkeys(
        (
            "client-id-needed",
            "client-id-not-for-this-role",
            "role-not-for-this-clinic",
            "password-too-short",
            "password-too-long",
            "password-too-common",
        ),
        422,
    ),
}


def build(settings: PortalSettings) -> FastAPI:
    """The app. ValueError when there is no signing key."""
    issuer = TokenIssuer(settings.signing_keys, settings.issuer, settings.audience, ACCESS_TOKEN_SECONDS)
    chassis = connected(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with chassis(app):
            throttle = MongoThrottle(app.state.runtime.db)
            await throttle.prepare()
            app.state.throttle = throttle
            yield

    verifier = own_verifier(settings, issuer)
    return create_api(
        settings, ROUTERS, lifespan=lifespan, refusals=REFUSALS, verifier=verifier, state={"issuer": issuer}
    )


def own_verifier(settings: PortalSettings, issuer: TokenIssuer) -> Verifier:
    """The issuing process needs no request to itself to know its own keys."""
    others = {url: jwks_at(keys_url) for url, keys_url in settings.trusted_issuers.items()}
    return Verifier({**others, settings.issuer: issuer.published_keys}, settings.audience)


if __name__ == "__main__":
    configured = PortalSettings()
    serve(lambda: build(configured), configured)
