"""Where the system is that the sample goes into."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Place:
    """`mailbox` shows mails at `/messages`; `operator` is the first operator's credential (id, secret)."""

    gateway: str
    mailbox: str
    operator: tuple[str, str]


def place_in(endpoints: Path) -> Place:
    """From an endpoints.json."""
    content: Mapping[str, Any] = json.loads(endpoints.read_text())
    operator = content["operator"]
    return Place(content["gateway"], content["mailbox"]["http"], (operator["client_id"], operator["client_secret"]))


def place_from_environment(env: Mapping[str, str] = os.environ) -> Place:
    """As the supervisor tells it, before there is an endpoints.json; the gateway passes the mailbox on."""
    gateway = env["VETWIRE_PUBLIC_URL"]
    client_id, _, secret = env["VETWIRE_BOOTSTRAP_OPERATOR"].partition(":")
    return Place(gateway, f"{gateway}/mailbox", (client_id, secret))
