"""Ids and secrets of machines."""

import re
from hashlib import sha256

from shared.chassis.tokens import derive_token

CLIENT_ID = re.compile(r"pims_[0-9a-f]{32}\Z")


def client_id(command_id: str) -> str:
    """The same wish makes the same machine."""
    return f"pims_{command_id}"


def client_secret(key: bytes, client_id_: str, clinic_id: str) -> str:
    """256 bit, derived, so that a repeat after a crash hands out the one whose hash is stored."""
    return derive_token(key, "pims-client", client_id_, clinic_id)


def secret_hash(secret: str) -> str:
    """SHA-256 (hex) is enough for a secret of 256 bit (ASVS 6.5.2)."""
    return sha256(secret.encode()).hexdigest()
