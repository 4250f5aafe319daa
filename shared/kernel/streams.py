"""How streams are named: `<category>-<clinic>.<local id>`, so that two tenants never meet in one stream (design 2)."""

import re

_CATEGORY = re.compile(r"[a-z][a-z0-9_]*\Z")
_CLINIC = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")


def stream_name(category: str, clinic_id: str, local_id: str = "") -> str:
    """The stream of `local_id` in a clinic, or of the clinic itself. ValueError for names that could collide."""
    if not _CATEGORY.match(category):
        raise ValueError(f"not a category: {category!r}")
    if not _CLINIC.match(clinic_id):
        raise ValueError(f"not a clinic id: {clinic_id!r}")
    return f"{category}-{clinic_id}.{local_id}" if local_id else f"{category}-{clinic_id}"


def category_of(stream: str) -> str:
    """`patient-elm.42` -> `patient`."""
    return stream.partition("-")[0]


def key_of(stream: str) -> str:
    """The part that names the document of a stream in every view: `patient-elm.42` -> `elm.42`."""
    return stream.partition("-")[2]


def clinic_of(stream: str) -> str:
    """`patient-elm.42` -> `elm`."""
    return key_of(stream).partition(".")[0]
