"""Calls that esdbclient cannot make: many appends on one BatchAppend, and requests out of the ordinary."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import grpc
from esdbclient.connection_spec import ConnectionSpec
from esdbclient.protos.Grpc import shared_pb2, streams_pb2
from google.protobuf import duration_pb2, empty_pb2

SERVICE = "/event_store.client.streams.Streams"
CALL_SECONDS = 20.0

Request = streams_pb2.BatchAppendReq
Response = streams_pb2.BatchAppendResp


def new_uuid() -> str:
    return str(UUID(bytes=secrets.token_bytes(16), version=4))


def proposed(data: bytes = b"{}", event_id: str = "", **metadata: str) -> Request.ProposedMessage:
    return Request.ProposedMessage(
        id=shared_pb2.UUID(string=event_id or new_uuid()),
        metadata=metadata or {"type": "Happened", "content-type": "application/json"},
        data=data,
    )


def batch(
    stream: str,
    messages: Sequence[Request.ProposedMessage] | None = None,
    correlation: str = "",
    final: bool = True,
    **expected: Any,
) -> Request:
    """One request of a BatchAppend; any version is expected unless said otherwise."""
    return Request(
        correlation_id=shared_pb2.UUID(string=correlation or new_uuid()),
        options=Request.Options(
            stream_identifier=shared_pb2.StreamIdentifier(stream_name=stream.encode()),
            deadline=duration_pb2.Duration(seconds=60),
            **(expected or {"any": empty_pb2.Empty()}),
        ),
        proposed_messages=[proposed()] if messages is None else messages,
        is_final=final,
    )


@contextmanager
def channel(uri: str) -> Iterator[Any]:
    with grpc.insecure_channel(ConnectionSpec(uri).targets[0]) as opened:
        yield opened


def batch_append(opened: Any, requests: Iterable[Request]) -> Iterator[Response]:
    answers: Iterator[Response] = opened.stream_stream(
        f"{SERVICE}/BatchAppend",
        request_serializer=Request.SerializeToString,
        response_deserializer=Response.FromString,
    )(iter(requests), timeout=CALL_SECONDS)
    return answers


def send_all(uri: str, requests: Sequence[Request]) -> list[Response]:
    """Send requests on one call, without waiting for answers, and collect all answers."""
    with channel(uri) as opened:
        return list(batch_append(opened, requests))


def read(uri: str, request: streams_pb2.ReadReq) -> list[streams_pb2.ReadResp]:
    with channel(uri) as opened:
        call = opened.unary_stream(
            f"{SERVICE}/Read",
            request_serializer=streams_pb2.ReadReq.SerializeToString,
            response_deserializer=streams_pb2.ReadResp.FromString,
        )
        return list(call(request, timeout=CALL_SECONDS))
