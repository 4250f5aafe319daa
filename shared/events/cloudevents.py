"""Events on Kafka: CloudEvents 1.0, Kafka binding, binary mode. Body: the event's JSON; key: its stream (design 9)."""

from collections.abc import Iterable
from uuid import UUID

from shared.events.envelope import Actor, Metadata, StoredEvent

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


class NotACloudEvent(ValueError):
    """A record that does not carry what the binding asks for."""


def to_headers(event: StoredEvent, source: str) -> Headers:
    """The headers of a record for `event`; `source` names the service, e.g. `/pims-sync`."""
    meta = Metadata.model_validate_json(event.metadata)
    values = {
        "content-type": CONTENT_TYPE,
        "ce_specversion": SPECVERSION,
        "ce_id": str(event.id),
        "ce_type": event.type,
        "ce_source": source,
        "ce_subject": event.stream,
        "ce_time": meta.recorded_at.isoformat(),
        "ce_clinicid": meta.clinic_id,
        "ce_actorkind": meta.actor.kind,
        "ce_actorid": meta.actor.id,
        "ce_commandid": str(meta.command_id),
        "ce_correlationid": meta.correlation_id,
        "ce_causationid": meta.causation_id,
        "ce_streamrevision": str(event.revision),
        "ce_commitposition": str(event.position),
        "traceparent": meta.traceparent,
    }
    return [(name, value.encode()) for name, value in values.items() if value is not None]


def from_record(value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> StoredEvent:
    """The event in a record. NotACloudEvent if a required header is missing or unreadable."""
    try:
        # Other headers are their writer's business, and may hold anything.
        found = {name: raw.decode() for name, raw in headers if raw is not None and name in REQUIRED | OPTIONAL}
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
    meta = Metadata(
        clinic_id=found["ce_clinicid"],
        actor=Actor.model_validate({"kind": found["ce_actorkind"], "id": found["ce_actorid"]}),
        command_id=UUID(found["ce_commandid"]),
        correlation_id=found["ce_correlationid"],
        causation_id=found.get("ce_causationid"),
        traceparent=found.get("traceparent"),
        recorded_at=found["ce_time"],
    )
    return meta.model_dump_json(exclude_none=True).encode()
