"""Stream metadata: what `$tb`, `$maxCount` and `$maxAge` hide from readers of a stream."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

METADATA_TYPE = "$metadata"
METADATA_PREFIX = "$$"
END_OF_STREAM = 2**63 - 1
"""The revision of a tombstone, and the `$tb` of a soft-deleted stream."""

REMEMBERED_BYTES = 1024
"""Longer metadata is read anew each time, so that what is remembered stays small."""

TICKS_PER_SECOND = 10_000_000


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What one stream's metadata says; `max_age` is in seconds. Other keys are stored and ignored."""

    truncate_before: int = 0
    max_count: int | None = None
    max_age: int | None = None

    @property
    def soft_deleted(self) -> bool:
        return self.truncate_before == END_OF_STREAM

    def first_visible(self, last: int) -> int:
        """The lowest revision a reader may see when `last` is the newest."""
        if self.max_count is None:
            return self.truncate_before
        return max(self.truncate_before, last + 1 - self.max_count)

    def oldest_visible(self, now: int) -> int:
        """The lowest creation time a reader may see, in ticks of 100 ns since 1970; so is `now`."""
        return 0 if self.max_age is None else now - self.max_age * TICKS_PER_SECOND


NO_SETTINGS = StreamSettings()
# Metadata streams keep their newest event only, whatever their own metadata says.
METADATA_STREAM_SETTINGS = StreamSettings(max_count=1)


def is_metadata_stream(name: str) -> bool:
    return name.startswith(METADATA_PREFIX)


def metadata_stream(name: str) -> str:
    return METADATA_PREFIX + name


def described_stream(name: str) -> str:
    """The stream whose metadata `name` holds."""
    return name.removeprefix(METADATA_PREFIX)


def settings_of(name: str, metadata: bytes | None) -> StreamSettings:
    if is_metadata_stream(name):
        return METADATA_STREAM_SETTINGS
    return NO_SETTINGS if metadata is None else parse_settings(metadata)


def parse_settings(metadata: bytes) -> StreamSettings:
    """Read stored metadata; a value that is not a sensible number counts as absent."""
    return _remembered_settings(metadata) if len(metadata) <= REMEMBERED_BYTES else _read_settings(metadata)


@lru_cache(maxsize=4096)
def _remembered_settings(metadata: bytes) -> StreamSettings:
    return _read_settings(metadata)


def _read_settings(metadata: bytes) -> StreamSettings:
    document = _document(metadata)
    return StreamSettings(
        truncate_before=_number(document, "$tb", lowest=0) or 0,
        max_count=_number(document, "$maxCount", lowest=1),
        max_age=_number(document, "$maxAge", lowest=1),
    )


def soft_deleted_metadata() -> bytes:
    return _encoded({"$tb": END_OF_STREAM})


def undeleted_metadata(metadata: bytes | None, first_revision: int) -> bytes:
    """The same metadata with the stream visible again from `first_revision` on."""
    return _encoded({**_document(metadata or b""), "$tb": first_revision})


def _document(metadata: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(metadata)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _number(document: Mapping[str, Any], key: str, lowest: int) -> int | None:
    value = document.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= END_OF_STREAM:
        return None
    return value


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
