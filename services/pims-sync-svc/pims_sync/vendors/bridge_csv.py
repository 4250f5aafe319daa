"""From a row of a bridge-csv file to a canonical record (pims-formats 2 and 5). The vendor's words stop here.

A record is a dict of plain values that has the shape of the event's fields: cheap to digest, and made into an event
only when it turns out to be news.
"""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from pims_sync.vendors.contacts import normalised_email, normalised_phone
from pims_sync.vendors.dates import Precision, read_date
from pims_sync.vendors.fields import Fields
from pims_sync.vendors.identifiers import normalised_microchip, split_microchips
from pims_sync.vendors.profile import Profile

Record = dict[str, Any]
_PHONES = (("phone_1", "phone_kind_1"), ("phone_2", "phone_kind_2"), ("phone_3", "phone_kind_3"))
_UNITS = {
    **dict.fromkeys(("", "lb", "lbs", "#", "pound", "pounds"), "lb"),
    **dict.fromkeys(("kg", "kgs", "kilo", "kilos", "kilogram", "kilograms"), "kg"),
    **dict.fromkeys(("g", "gr", "gram", "grams"), "g"),
}
"""An empty unit is pounds (pims-formats 7.31)."""


def client_record(row: Fields, profile: Profile, today: date) -> Record:
    """The fields of `ClientSynced`. Rejected if a cell is not what its column promises."""
    last_name, company = row.text("last_name"), row.text("company")
    if last_name is None and company is None:
        raise row.rejected("last_name", "missing-value", "Neither a last name nor a company.")
    kind = row.text("kind")
    return {
        "vendor": profile.vendor,
        "kind": profile.client_kinds.get(kind.lower(), "unknown") if kind else "owner",
        "status": _status(row),
        "first_name": row.text("first_name"),
        "last_name": last_name,
        "company": company,
        "contacts": _contacts(row, profile),
        "addresses": _addresses(row),
        "suspend_reminders": row.flag("suspend_reminders"),
        "do_not_email": row.flag("do_not_email"),
    }


def patient_record(row: Fields, profile: Profile, today: date) -> Record:
    """The fields of `PatientSynced`. Rejected if a cell is not what its column promises."""
    owner = row.id("client_id")
    sex, altered = profile.sexes.get((row.text("sex") or "").lower(), ("U", "unknown"))
    if row.text("altered") is not None:
        altered = "yes" if row.flag("altered") else "no"
    return {
        "vendor": profile.vendor,
        "name": row.text("name"),
        "species": _coded(row, "species", profile.species),
        "breeds": [breed for name in ("breed", "breed_2") if (breed := _coded(row, name, {}))],
        "colour": _coded(row, "colour", {}),
        "sex": sex,
        "altered": altered,
        "birth": _birth(row, profile, today),
        "death": _death(row, profile, today),
        "weight": _weight(row),
        "identifiers": _identifiers(row),
        "owners": [{"client_id": owner, "primary": True}] if owner else [],
        "status": _status(row),
        "suspend_reminders": row.flag("suspend_reminders"),
    }


def _status(row: Fields) -> str:
    inactive, deleted = row.flag("inactive"), row.flag("deleted")
    if deleted:
        return "deleted"
    return "inactive" if inactive else "active"


def _contacts(row: Fields, profile: Profile) -> list[Record]:
    contacts = []
    for number, kind in _PHONES:
        if raw := row.text(number):
            kind_of_phone = profile.phone_kinds.get((row.text(kind) or "").lower(), "other")
            normalised = normalised_phone(raw, profile.region)
            contacts.append({"kind": kind_of_phone, "raw": raw, "normalised": normalised, "preferred": False})
    if raw := row.text("email"):
        contacts.append({"kind": "email", "raw": raw, "normalised": normalised_email(raw), "preferred": False})
    return contacts


def _addresses(row: Fields) -> list[Record]:
    address = {
        "lines": [line for name in ("address_1", "address_2") if (line := row.text(name))],
        "city": row.text("city"),
        "region": row.text("state"),
        "postal_code": row.text("postal_code"),
        "country": row.text("country"),
    }
    return [address] if any(address.values()) else []


def _coded(row: Fields, name: str, table: Any) -> Record | None:
    text, code = row.text(name), row.text(f"{name}_code")
    if text is None and code is None:
        return None
    canonical = table.get((text or "").lower()) or table.get((code or "").lower())
    return {"code": code, "text": text or code, "canonical": canonical}


def _birth(row: Fields, profile: Profile, today: date) -> Record:
    found = _date(row, "born_on", profile, today)
    if found is None:
        return {"on": None, "precision": "unknown"}
    if found[0] > today:
        raise row.rejected("born_on", "date-in-the-future", "A birth after the day of the sync.")
    return {"on": found[0], "precision": found[1]}


def _death(row: Fields, profile: Profile, today: date) -> Record:
    """A flag without a date and a date without a flag both mean dead (pims-formats 7.15)."""
    found = _date(row, "died_on", profile, today)
    return {"known": row.flag("deceased") or found is not None, "on": found and found[0]}


def _date(row: Fields, name: str, profile: Profile, today: date) -> tuple[date, Precision] | None:
    text = row.text(name)
    if text is None:
        return None
    try:
        return read_date(text, profile.day_first, today.year)
    except ValueError:
        raise row.rejected(name, "not-a-date", "No date in any form that this feed uses.") from None


def _weight(row: Fields) -> Record | None:
    text = row.text("weight")
    if text is None:
        return None
    unit = _UNITS.get((row.text("weight_unit") or "").lower())
    if unit is None:
        raise row.rejected("weight_unit", "unknown-unit", "Neither pounds, kilograms nor grams.")
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0 or value >= 1_000_000:
        raise row.rejected("weight", "not-a-weight", "Not a decimal number of 0 or more.")
    return {"value": format(value.normalize(), "f"), "unit": unit} if value else None


def _identifiers(row: Fields) -> list[Record]:
    chips = split_microchips(row.text("microchip") or "")
    others = ((kind, row.text(kind)) for kind in ("rabies_tag", "tattoo"))
    return [
        *({"kind": "microchip", "raw": chip, "normalised": normalised_microchip(chip)} for chip in chips),
        *({"kind": kind, "raw": raw, "normalised": None} for kind, raw in others if raw),
    ]
