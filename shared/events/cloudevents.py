"""Events on Kafka: CloudEvents 1.0, Kafka binding, binary mode. Body: the event's JSON; key: its stream (design 9)."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from pydantic import TypeAdapter

from shared.events.envelope import ActorKind, Metadata, StoredEvent

Headers = list[tuple[str, bytes]]
CONTENT_TYPE = "application/json"
SPECVERSION = "1.0"
REQUIRED = frozenset(
    {
        "ce_specversion",
        "ce_id",
        "ce_type",
        "ce_source",
        "ce_subject",
        "ce_time",
        "ce_clinicid",
        "ce_actorkind",
        "ce_actorid",
        "ce_commandid",
        "ce_correlationid",
        "ce_streamrevision",
        "ce_commitposition",
    }
)
OPTIONAL = frozenset({"ce_causationid", "traceparent"})
_ALL = REQUIRED | OPTIONAL
_OPTIONS = (("causation_id", "ce_causationid"), ("traceparent", "traceparent"))
_FIELDS = TypeAdapter(dict[str, Any])
_KINDS = frozenset(get_args(ActorKind))
_IS_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_IS_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z").fullmatch


class NotACloudEvent(ValueError):
    """A record that does not carry what the binding asks for."""


def to_headers(event: StoredEvent, source: str) -> Headers:
    """The headers of a record for `event`; `source` names the service, e.g. `/pims-sync`.

    ValueError if its metadata is not ours.
    """
    meta = _own(event.metadata)
    values = {
        "content-type": CONTENT_TYPE,
        "ce_specversion": SPECVERSION,
        "ce_id": str(event.id),
        "ce_type": event.type,
        "ce_source": source,
        "ce_subject": event.stream,
        "ce_time": meta["recorded_at"],
        "ce_clinicid": meta["clinic_id"],
        "ce_actorkind": meta["actor"]["kind"],
        "ce_actorid": meta["actor"]["id"],
        "ce_commandid": meta["command_id"],
        "ce_correlationid": meta["correlation_id"],
        "ce_causationid": meta.get("causation_id"),
        "ce_streamrevision": str(event.revision),
        "ce_commitposition": str(event.position),
        "traceparent": meta.get("traceparent"),
    }
    return [(name, value.encode()) for name, value in values.items() if value is not None]


def _own(metadata: bytes) -> dict[str, Any]:
    """The fields of metadata as text. What we wrote is known at a glance; only the rest costs a whole validation."""
    try:
        found: dict[str, Any] = _FIELDS.validator.validate_json(metadata)
        if _is_ours(found):
            return found
    except (KeyError, TypeError, ValueError):
        pass
    return Metadata.model_validate_json(metadata).model_dump(mode="json", exclude_none=True)


def _is_ours(found: Any) -> bool:
    """Whether the fields are as `Metadata` writes them. KeyError, TypeError, ValueError: they are not."""
    actor = found["actor"]
    texts = (found["clinic_id"], actor["id"], found["correlation_id"])
    options = (found.get("causation_id"), found.get("traceparent"))
    return (
        all(type(text) is str for text in texts)
        and all(text is None or type(text) is str for text in options)
        and _are_ours(actor["kind"], found["command_id"], found["recorded_at"])
    )


def from_record(value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> StoredEvent:
    """The event in a record. NotACloudEvent if a required header is missing or unreadable."""
    try:
        # Other headers are their writer's business, and may hold anything.
        found = {name: raw.decode() for name, raw in headers if raw is not None and name in _ALL}
        if value is None or not found.keys() >= REQUIRED:
            raise NotACloudEvent(f"missing: {sorted(REQUIRED - found.keys()) or 'the body'}")
        if found["ce_specversion"] != SPECVERSION:
            raise NotACloudEvent(f"version {found['ce_specversion']!r} of CloudEvents")
        return StoredEvent(
            UUID(found["ce_id"]),
            found["ce_type"],
            found["ce_subject"],
            _counted(found["ce_streamrevision"]),
            _counted(found["ce_commitposition"]),
            value,
            _metadata(found),
        )
    except NotACloudEvent:
        raise
    except (ValueError, KeyError) as error:
        raise NotACloudEvent(str(error)) from error


def _counted(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**63:
        raise NotACloudEvent(f"not a position: {number}")
    return number


def _metadata(found: dict[str, str]) -> bytes:
    """As the event store has it, unless a value is written in a way that is not ours: then as `Metadata` reads it."""
    fields = {
        "clinic_id": found["ce_clinicid"],
        "actor": {"kind": found["ce_actorkind"], "id": found["ce_actorid"]},
        "command_id": found["ce_commandid"],
        "correlation_id": found["ce_correlationid"],
        **{name: found[header] for name, header in _OPTIONS if header in found},
        "recorded_at": found["ce_time"],
    }
    if _are_ours(found["ce_actorkind"], found["ce_commandid"], found["ce_time"]):
        return _FIELDS.serializer.to_json(fields)
    return Metadata.model_validate(fields).model_dump_json(exclude_none=True).encode()


def _are_ours(kind: str, command_id: str, recorded_at: str) -> bool:
    """Whether they are written as `Metadata` writes them. TypeError or ValueError: they are not."""
    datetime.fromisoformat(recorded_at)
    return bool(kind in _KINDS and _IS_UUID(command_id) and _IS_UTC(recorded_at))
