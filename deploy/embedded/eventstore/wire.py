"""Between protobuf messages and what the store keeps."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

from esdbclient.protos.Grpc import shared_pb2, streams_pb2
from google.protobuf.message import DecodeError, Message

from deploy.embedded.eventstore.errors import InvalidRequestError, MissingMetadataError
from deploy.embedded.eventstore.expressions import LONGEST_NAME

JSON = "application/json"
BINARY = "application/octet-stream"

MOST_NAME_BYTES = LONGEST_NAME
"""Of a stream or a type. Names are kept in memory and put into the trailers of refusals, which have 8 KiB."""


M = TypeVar("M", bound=Message)


def decoder(kind: type[M]) -> Callable[[bytes], M]:
    """How a call reads its requests. Errors: InvalidRequestError for bytes that are no such message."""

    def decode(raw: bytes) -> M:
        try:
            return kind.FromString(raw)
        except DecodeError as error:
            raise InvalidRequestError("the request is not a message of this call") from error

    return decode


class Proposed(NamedTuple):
    """An event as a client proposed it; `id` is 16 bytes, `id_text` the same in its usual form."""

    id: bytes
    id_text: str
    type: str
    content_type: str
    metadata: bytes
    data: bytes

    @property
    def size(self) -> int:
        return len(self.type.encode()) + len(self.data) + len(self.metadata)


class ProposedMessage(Protocol):
    """What the two append requests call an event."""

    @property
    def id(self) -> shared_pb2.UUID: ...
    @property
    def metadata(self) -> "MetadataMap": ...
    @property
    def custom_metadata(self) -> bytes: ...
    @property
    def data(self) -> bytes: ...


class MetadataMap(Protocol):
    def get(self, key: str, default: str, /) -> str: ...


def proposed_event(message: ProposedMessage) -> Proposed:
    """Errors: InvalidRequestError, MissingMetadataError."""
    metadata = message.metadata
    type_ = metadata.get("type", "")
    content_type = metadata.get("content-type", "")
    if not type_ or not content_type:
        raise MissingMetadataError("content-type" if type_ else "type")
    if len(type_) > MOST_NAME_BYTES:
        raise InvalidRequestError(f"the type of an event has at most {MOST_NAME_BYTES} characters")
    event_id, text = parse_uuid(message.id)
    normal = JSON if content_type == JSON else BINARY
    return Proposed(event_id, text, type_, normal, message.custom_metadata, message.data)


def parse_uuid(message: shared_pb2.UUID) -> tuple[bytes, str]:
    """The 16 bytes and the usual text of an id that came as text or as two halves."""
    text = message.string
    if not text:
        return _structured_uuid(message)
    try:
        raw = bytes.fromhex(text.replace("-", ""))
    except ValueError as error:
        raise InvalidRequestError(f"not a UUID: {text[:64]!r}") from error
    if len(raw) != 16:
        raise InvalidRequestError(f"not a UUID: {text[:64]!r}")
    usual = len(text) == 36 and text.islower() and text[8] == text[13] == text[18] == text[23] == "-"
    return raw, text if usual else str(UUID(bytes=raw))


def _structured_uuid(message: shared_pb2.UUID) -> tuple[bytes, str]:
    if message.WhichOneof("value") != "structured":
        raise InvalidRequestError("an event needs an id")
    halves = message.structured
    raw = b"".join(
        half.to_bytes(8, "big", signed=True) for half in (halves.most_significant_bits, halves.least_significant_bits)
    )
    return raw, str(UUID(bytes=raw))


def stream_name(identifier: shared_pb2.StreamIdentifier) -> str:
    """Errors: InvalidRequestError for a name that is empty, too long, not UTF-8, or `$all`."""
    try:
        name = identifier.stream_name.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequestError("a stream name is UTF-8 text") from error
    if not name or name == "$all":
        raise InvalidRequestError("a stream needs a name of its own")
    if len(identifier.stream_name) > MOST_NAME_BYTES:
        raise InvalidRequestError(f"the name of a stream has at most {MOST_NAME_BYTES} bytes")
    return name


def encode_event(stream: bytes, revision: int, position: int, created: str, event: Proposed) -> bytes:
    """The `ReadResp` that every reader of this event gets; `created` is ticks of 100 ns since 1970."""
    response = streams_pb2.ReadResp()
    read_event = response.event
    read_event.commit_position = position
    recorded = read_event.event
    recorded.id.string = event.id_text
    recorded.stream_identifier.stream_name = stream
    recorded.stream_revision = revision
    recorded.prepare_position = position
    recorded.commit_position = position
    metadata = recorded.metadata
    metadata["type"] = event.type
    metadata["created"] = created
    metadata["content-type"] = event.content_type
    recorded.custom_metadata = event.metadata
    recorded.data = event.data
    return response.SerializeToString()


def decode_event(record: bytes) -> streams_pb2.ReadResp.ReadEvent.RecordedEvent:
    return streams_pb2.ReadResp.FromString(record).event.event


def structure_uuid(message: shared_pb2.UUID) -> None:
    """Replace the text of an id by its two halves, for clients that asked for them."""
    raw = UUID(message.string).bytes
    message.structured.most_significant_bits = int.from_bytes(raw[:8], "big", signed=True)
    message.structured.least_significant_bits = int.from_bytes(raw[8:], "big", signed=True)
