"""Which requests may enter from outside, stated once per service and read by the gateway's renderer.

Pure data: the table is the contract between a service and the gateway, so that the rules of the edge
(who needs a token, how large, how long, how often) stand beside the code that answers.
"""

import re
from dataclasses import dataclass
from typing import Literal

Access = Literal["public", "token"]

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way in.

    `path` ending in "/" covers everything below it, any other path is exact; `{name}` stands for one segment.
    `access` is "public" or "token": a token route is reached only with a valid access token, and its rate is
    counted per token subject; a public one is counted per client address (IPv6: per /64).
    `timeout_seconds` bounds the whole exchange, from the first header in to the last byte out.
    `live` is an SSE answer: it has no such bound, and ends after `timeout_seconds` without a byte from the service.
    `upload` passes the request body on as it comes, without holding it in the gateway.
    """

    path: str
    access: Access = "token"
    live: bool = False
    upload: bool = False
    max_body_bytes: int = MIB
    timeout_seconds: int = 15
    rate_per_minute: int = 1200

    @property
    def literal(self) -> bool:
        """True when the path holds no placeholder."""
        return _PLACEHOLDER.search(self.path) is None

    @property
    def regex(self) -> str:
        """The whole path as a regular expression in the syntax that RE2 and `re` share."""
        parts = (re.escape(part).replace(r"\-", "-") for part in _PLACEHOLDER.split(self.path))
        return "[^/]+".join(parts) + (".*" if self.path.endswith("/") else "")

    def covers(self, path: str) -> bool:
        """True when a request for `path` (without query) takes this route, earlier routes aside."""
        return re.fullmatch(self.regex, path) is not None


def service_routes(name: str, *special: Route) -> tuple[Route, ...]:
    """The routes of one service, first match wins: its special ones, its live feed and document, then the rest."""
    base = f"/api/{name}/v1/"
    return (
        *special,
        Route(
            path=f"{base}clinics/{{clinic}}/live",
            live=True,
            max_body_bytes=0,
            timeout_seconds=300,
            rate_per_minute=60,
        ),
        Route(path=f"{base}openapi.json", access="public", max_body_bytes=0, rate_per_minute=60),
        Route(path=base),
    )
