"""Phones and mail addresses: what was written stays, what it means stands beside it (E.164; pims-formats 7.30)."""

import re
from functools import lru_cache

import phonenumbers

_ADDRESS = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}\Z")


@lru_cache(maxsize=4096)
def normalised_phone(raw: str, region: str) -> str | None:
    """E.164, a number without country code taken as one of `region`; None if it is no possible number there."""
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normalised_email(raw: str) -> str | None:
    """The address in lower case; None if it is not one."""
    return raw.lower() if _ADDRESS.match(raw) else None
