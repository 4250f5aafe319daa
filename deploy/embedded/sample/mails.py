"""Reading the invitations that arrived in the mailbox."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx2

from deploy.embedded.sample.caller import wait_until

_LINK = re.compile(r"https?://\S+/activate#\S+")


@dataclass(frozen=True)
class Invitation:
    """What the link in an invitation holds."""

    account_id: str
    token: str


def newest_invitation(http: httpx2.Client, mailbox: str, email: str) -> Invitation:
    """Waits for it."""

    def look() -> Invitation | None:
        for mail in http.get(f"{mailbox}/messages").raise_for_status().json():
            if email in mail["to"] and (found := _invitation(http, f"{mailbox}/messages/{mail['id']}")):
                return found
        return None

    return wait_until(f"the invitation of {email}", look)


def _invitation(http: httpx2.Client, url: str) -> Invitation | None:
    link = _LINK.search(http.get(url).raise_for_status().json()["text"])
    if link is None:
        return None
    held = parse_qs(urlsplit(link[0]).fragment)
    return Invitation(held["account_id"][0], held["token"][0])
