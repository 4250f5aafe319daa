"""Raw requests for tests that misbehave, and how long somebody else then waits."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

import grpc
from esdbclient import EventStoreDBClient, NewEvent, StreamState
from esdbclient.protos.Grpc import shared_pb2, streams_pb2
from google.protobuf import empty_pb2
from google.protobuf.message import Message

from deploy.embedded.eventstore.tests.running import RunningServer

MIB = 2**20
STREAMS = "/event_store.client.streams.Streams"
CALLS = {
    "Read": "unary_stream",
    "Append": "stream_unary",
    "BatchAppend": "stream_stream",
    "Delete": "unary_unary",
    "Tombstone": "unary_unary",
}
Batch = streams_pb2.BatchAppendReq
Read = streams_pb2.ReadReq.Options
REFUSED = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)


def answer_seconds(server: RunningServer) -> float:
    """How long somebody else waits for an append and a read."""
    started = monotonic()
    client = EventStoreDBClient(server.uri)
    try:
        client.append_to_stream("others", current_version=StreamState.ANY, events=[NewEvent("T", b"{}")], timeout=10)
        assert client.get_stream("others", backwards=True, limit=1, timeout=10)
    finally:
        client.close()
    return monotonic() - started


@contextmanager
def opened(server: RunningServer) -> Iterator[Any]:
    with grpc.insecure_channel(server.address, options=[("grpc.max_send_message_length", -1)]) as channel:
        yield channel


def send(channel: Any, name: str, messages: Sequence[bytes], timeout: float = 5.0) -> Any:
    """Send raw messages and give the status, or None if the call went well."""
    call = getattr(channel, CALLS[name])(f"{STREAMS}/{name}")
    try:
        answer = call(iter(messages) if CALLS[name].startswith("stream") else messages[0], timeout=timeout)
        if CALLS[name].endswith("stream"):
            list(answer)
    except grpc.RpcError as error:
        return error.code()
    return None


def identifier(name: bytes = b"fuzzed") -> shared_pb2.StreamIdentifier:
    return shared_pb2.StreamIdentifier(stream_name=name)


def batch(data: bytes = b"{}", final: bool = True, name: bytes = b"fuzzed", correlation: int = 1) -> Batch:
    proposed = Batch.ProposedMessage(
        id=shared_pb2.UUID(string="5f5f5f5f-0000-4000-8000-000000000001"),
        metadata={"type": "T", "content-type": "application/json"},
        data=data,
    )
    return Batch(
        correlation_id=shared_pb2.UUID(structured=shared_pb2.UUID.Structured(least_significant_bits=correlation)),
        options=Batch.Options(stream_identifier=identifier(name), any=empty_pb2.Empty()),
        proposed_messages=[proposed],
        is_final=final,
    )


def read(regex: str = "", count: int = 10, **how: Any) -> streams_pb2.ReadReq:
    words = Read.FilterOptions.Expression(regex=regex)
    chosen = Read.FilterOptions(event_type=words, max=32, checkpointIntervalMultiplier=1)
    return streams_pb2.ReadReq(
        options=Read(
            all=Read.AllOptions(start=shared_pb2.Empty()),
            uuid_option=Read.UUIDOption(string=shared_pb2.Empty()),
            **(how or {"count": count}),
            **({"filter": chosen} if regex else {"no_filter": shared_pb2.Empty()}),
        )
    )


def delete(stream: shared_pb2.StreamIdentifier, **expected: Any) -> streams_pb2.DeleteReq:
    """The requests of Delete and of Tombstone have the same fields."""
    return streams_pb2.DeleteReq(options=streams_pb2.DeleteReq.Options(stream_identifier=stream, **expected))


def valid(name: str) -> list[Message]:
    """What a decent client would send."""
    any_version = shared_pb2.Empty()
    match name:
        case "Read":
            return [read("^a|b$")]
        case "Append":
            options = streams_pb2.AppendReq.Options(stream_identifier=identifier(), any=any_version)
            proposed = streams_pb2.AppendReq.ProposedMessage.FromString(
                batch().proposed_messages[0].SerializeToString()
            )
            return [streams_pb2.AppendReq(options=options), streams_pb2.AppendReq(proposed_message=proposed)]
        case "BatchAppend":
            return [batch(final=False), batch()]
        case "Delete":
            return [delete(identifier(), any=any_version)]
        case _:
            return [delete(identifier(b"fuzzed-too"), any=any_version)]
