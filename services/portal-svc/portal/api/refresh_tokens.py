"""Refresh tokens: `<session>.<number>.<mac>` in a cookie that no script can read (ASVS 3.3, security C.4)."""

import re
from dataclasses import dataclass

from fastapi import Request, Response

from portal.domain.session import LIFETIME
from shared.chassis.problems import Problem
from shared.chassis.tokens import check_token, derive_token

COOKIE = "__Host-vetwire-refresh"
PURPOSE = "refresh"
_TOKEN = re.compile(r"([0-9a-f]{32})\.(\d{1,9})\.([A-Za-z0-9_-]{43})\Z")


@dataclass(frozen=True)
class Shown:
    """A genuine refresh token; whether it still works is the session's to say."""

    session_id: str
    number: int


def hand_out(response: Response, secret: bytes, session_id: str, number: int) -> None:
    """Set the cookie. Its token is derived: nothing that could be stolen is stored."""
    mac = derive_token(secret, PURPOSE, str(number), session_id)
    value = f"{session_id}.{number}.{mac}"
    lifetime = int(LIFETIME.total_seconds())
    response.set_cookie(COOKIE, value, max_age=lifetime, path="/", secure=True, httponly=True, samesite="strict")


def take_back(response: Response) -> None:
    """Make the browser forget it."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")


def shown(request: Request, secret: bytes) -> Shown | None:
    """The genuine refresh token of a request, None if there is none. Problem 403 `cross-site` (CSRF, ASVS 3.5)."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Problem(403, "cross-site", "Another site may not do this.")
    found = _TOKEN.match(request.cookies.get(COOKIE, ""))
    if found is None or not check_token(secret, PURPOSE, found[2], found[1], found[3]):
        return None
    return Shown(found[1], int(found[2]))
