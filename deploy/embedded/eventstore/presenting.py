"""What a reader gets for an event: usually the stored bytes as they are."""

from collections.abc import Callable

from esdbclient.protos.Grpc import streams_pb2

from deploy.embedded.eventstore.filters import Row
from deploy.embedded.eventstore.history import History
from deploy.embedded.eventstore.requests import ReadPlan
from deploy.embedded.eventstore.wire import decode_event, structure_uuid

LINK_TYPE = "$>"

Present = Callable[[Row], bytes]


def presenter(plan: ReadPlan, history: History) -> Present:
    """How this request wants events: links resolved or not, ids as text or as two halves."""
    if not plan.resolve_links and not plan.structured_ids:
        return stored_bytes

    def present(row: Row) -> bytes:
        resolved = resolve_link(row, history) if plan.resolve_links and row[3] == LINK_TYPE else row[4]
        return with_structured_ids(resolved) if plan.structured_ids else resolved

    return present


def stored_bytes(row: Row) -> bytes:
    return row[4]


def resolve_link(row: Row, history: History) -> bytes:
    """The event that a link points to, beside the link; without the event if it is not there."""
    response = streams_pb2.ReadResp.FromString(row[4])
    link = response.event.event
    answer = streams_pb2.ReadResp()
    answer.event.commit_position = response.event.commit_position
    answer.event.link.CopyFrom(link)
    target = _target(link.data, history)
    if target is not None:
        answer.event.event.CopyFrom(decode_event(target))
    return answer.SerializeToString()


def with_structured_ids(record: bytes) -> bytes:
    response = streams_pb2.ReadResp.FromString(record)
    if response.event.HasField("event"):
        structure_uuid(response.event.event.id)
    if response.event.HasField("link"):
        structure_uuid(response.event.link.id)
    return response.SerializeToString()


def _target(data: bytes, history: History) -> bytes | None:
    """Look up `revision@stream`."""
    revision, _, stream = data.decode(errors="replace").partition("@")
    if not revision.isascii() or not revision.isdigit() or len(revision) > 19:
        return None
    return history.event(stream, min(int(revision), 2**63 - 1))
