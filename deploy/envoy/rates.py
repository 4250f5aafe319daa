"""Token buckets inside the gateway: one per client address before the token check, one per route and caller after it.

These are coarse and local to one gateway process; rules that cost money or guard one account live in the services.
"""

import math

from deploy.envoy.gateway import Json, typed
from deploy.envoy.replies import overwrite
from shared.chassis.routes import Route

# One address may be a whole clinic behind one router, and pays for bad tokens too.
PER_ADDRESS_PER_MINUTE = 6000
# Buckets kept at once; the least recently used goes first, so a flood of addresses costs memory of this size at most.
CALLERS = 10_000

_BY_SUBJECT = {"request_headers": {"header_name": "x-vetwire-subject", "descriptor_key": "caller"}}
_BY_ADDRESS = {"masked_remote_address": {"v4_prefix_mask_len": 32, "v6_prefix_mask_len": 64}}


def per_address(factor: float) -> Json:
    """The bucket of a client address over all routes, bad tokens included."""
    return _limit("address", PER_ADDRESS_PER_MINUTE * factor, by_subject=False)


def per_route(name: str, route: Route, factor: float) -> Json:
    """The bucket of one caller on one route: the token's subject, or the address where no token is needed."""
    return _limit(f"route_{name}", route.rate_per_minute * factor, by_subject=route.access == "token")


def refill(per_minute: float) -> tuple[int, int, float]:
    """Bucket size, tokens per refill and seconds between refills. A minute's worth may come at once."""
    size = max(1, math.floor(per_minute))
    if size < 60:
        return size, 1, 60 / size
    return size, math.ceil(size / 60), math.ceil(size / 60) * 60 / size


def _limit(name: str, per_minute: float, *, by_subject: bool) -> Json:
    size, tokens, interval = refill(per_minute)
    bucket = {"max_tokens": size, "tokens_per_fill": tokens, "fill_interval": f"{interval:.6f}s"}
    key = "caller" if by_subject else "masked_remote_address"
    return typed(
        "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        stat_prefix=f"rate_{name}",
        # Only the caller's own bucket counts: a shared one would let one caller close the door for all.
        token_bucket={"max_tokens": 1_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"},
        always_consume_default_token_bucket=False,
        max_dynamic_descriptors=CALLERS,
        rate_limits=[{"actions": [_BY_SUBJECT if by_subject else _BY_ADDRESS]}],
        descriptors=[{"entries": [{"key": key}], "token_bucket": bucket}],
        filter_enabled=_always("enabled"),
        filter_enforced=_always("enforced"),
        response_headers_to_add=[overwrite("retry-after", str(math.ceil(interval)))],
    )


def _always(key: str) -> Json:
    everyone = {"numerator": 100, "denominator": "HUNDRED"}
    return {"runtime_key": f"vetwire.rate.{key}", "default_value": everyone}
