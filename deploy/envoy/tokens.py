"""Access tokens at the edge: signature, issuer, audience and expiry; then claims become headers for the services.

The services check the token again: these headers are for rate limits and logs, never for access.
"""

from deploy.envoy.gateway import Gateway, Json, seconds, typed

# Seconds a key stays trusted after portal-svc withdrew it, and the longest a new one waits to be known here.
JWKS_CACHE_SECONDS = 20
JWKS_PATH = "/api/portal/v1/.well-known/jwks.json"

CLAIM_HEADERS = (
    ("sub", "x-vetwire-subject"),
    ("role", "x-vetwire-role"),
    ("clinics", "x-vetwire-clinics"),
    ("jti", "x-vetwire-token-id"),
    ("sid", "x-vetwire-session"),
)


def token_check(gateway: Gateway) -> Json:
    """Every path needs a token unless its route says otherwise, so that a forgotten route is a closed one."""
    return typed(
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers={"vetwire": _provider(gateway)},
        rules=[{"match": {"prefix": "/"}, "requires": {"provider_name": "vetwire"}}],
    )


def no_token_needed() -> Json:
    """The exception of a public route."""
    return typed("envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", disabled=True)


def _provider(gateway: Gateway) -> Json:
    return {
        "issuer": gateway.issuer,
        "audiences": [gateway.audience],
        "require_expiration": True,
        "clock_skew_seconds": 10,
        # Named, because the default also takes ?access_token=..., and addresses end up in logs and histories.
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        "forward": True,
        "claim_to_headers": [{"claim_name": claim, "header_name": header} for claim, header in CLAIM_HEADERS],
        "remote_jwks": _remote_keys(gateway),
    }


def _remote_keys(gateway: Gateway) -> Json:
    """Portal-svc's key set. It may start after the gateway: failed fetches are repeated every second."""
    portal = gateway.services["portal"]
    return {
        "http_uri": {
            "uri": f"http://{portal.host}:{portal.port}{JWKS_PATH}",
            "cluster": "portal",
            "timeout": seconds(2),
        },
        "cache_duration": seconds(JWKS_CACHE_SECONDS),
        "async_fetch": {"fast_listener": True, "failed_refetch_duration": seconds(1)},
    }
