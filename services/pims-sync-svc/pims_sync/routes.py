"""What of pims-sync-svc may be reached from outside (shared.chassis.routes)."""

from shared.chassis.routes import GIB, Route, service_routes

ROUTES = service_routes(
    "pims-sync",
    # A nightly drop is one long body. The service counts the bytes too: a chunked one declares no length.
    Route(
        path="/api/pims-sync/v1/clinics/{clinic}/runs/{run}/files/",
        upload=True,
        max_body_bytes=GIB,
        timeout_seconds=30 * 60,
        rate_per_minute=600,
    ),
)
