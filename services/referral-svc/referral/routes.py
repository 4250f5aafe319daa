"""What of referral-svc may be reached from outside (shared.chassis.routes)."""

from shared.chassis.routes import service_routes

ROUTES = service_routes("referral")
