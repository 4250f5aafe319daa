"""What of portal-svc may be reached from outside (shared.chassis.routes)."""

from shared.chassis.routes import KIB, Route, service_routes

_BASE = "/api/portal/v1/"


def _credentials(path: str, rate_per_minute: int) -> Route:
    """A door that takes secrets from strangers: small bodies, and few tries per address (ASVS 6.3.1)."""
    return Route(path=f"{_BASE}{path}", access="public", max_body_bytes=16 * KIB, rate_per_minute=rate_per_minute)


ROUTES = service_routes(
    "portal",
    Route(path=f"{_BASE}.well-known/", access="public", max_body_bytes=0, rate_per_minute=600),
    _credentials("login", rate_per_minute=30),
    _credentials("oauth/token", rate_per_minute=60),
    _credentials("token/refresh", rate_per_minute=60),
    # The refresh cookie says who leaves: the access token may have run out.
    _credentials("logout", rate_per_minute=60),
    _credentials("activations", rate_per_minute=20),
)
