"""What of messaging-svc may be reached from outside (shared.chassis.routes)."""

from shared.chassis.routes import KIB, Route, service_routes

ROUTES = service_routes(
    "messaging",
    # Text message carriers hold no token of ours: the service checks their signature over the whole body.
    Route(path="/api/messaging/v1/webhooks/", access="public", max_body_bytes=256 * KIB, rate_per_minute=6000),
)
