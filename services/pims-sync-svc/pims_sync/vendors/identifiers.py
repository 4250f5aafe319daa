"""Microchip numbers (ISO 11784; pims-formats 4 and 7.32): always text, never a number."""

import re

_BETWEEN = re.compile(r"[,;|]|\s/\s")
_SEPARATORS = re.compile(r"[*\-.\s]")
_ISO = re.compile(r"\d{15}\Z")
_LEGACY = re.compile(r"\d{9}\Z|[0-9A-Z]{10}\Z")
_PLACEHOLDER = re.compile(r"(?:0+|none|no|n/?a|unknown|-+|\?+)\Z", re.IGNORECASE)
_TEST = 999


def split_microchips(text: str) -> list[str]:
    """A cell may hold several; what stands for "none" is left out."""
    chips = (chip.strip() for chip in _BETWEEN.split(text))
    return [chip for chip in chips if chip and not _PLACEHOLDER.match(chip)]


def normalised_microchip(raw: str) -> str | None:
    """15 digits of a country (001-899) or maker (900-998), or one of the older 9 or 10 characters; else None."""
    if "+" in raw:
        return None  # A spreadsheet made 9.85112E+14 of it: the digits are lost.
    chip = _SEPARATORS.sub("", raw).upper()
    if _ISO.match(chip):
        return chip if 1 <= int(chip[:3]) < _TEST else None
    return chip if _LEGACY.match(chip) else None
