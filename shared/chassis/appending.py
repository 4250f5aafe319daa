"""Many appends over one BatchAppend call, which the server takes up concurrently.

esdbclient opens a call for each append, and its builder of requests costs more than what the server does with them.
The protocol allows many requests in one call, told apart by correlation id; this module makes them itself and drives
esdbclient's stub, connection and reading of answers (ADR 8).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple
from uuid import UUID

import grpc
from esdbclient import AsyncEventStoreDBClient
from esdbclient.asyncio_client import autoreconnect, retrygrpc
from esdbclient.common import PROTOBUF_MAX_DEADLINE_SECONDS, handle_rpc_error
from esdbclient.exceptions import WrongCurrentVersion
from esdbclient.protos.Grpc import streams_pb2
from esdbclient.streams import AsyncStreamsService

CONTENT_TYPE = "application/json"
_CORRELATION = "00000000-0000-0000-0000-{:012x}"


class Request(NamedTuple):
    """Events for one stream, each with id, type and data, if the stream is at `expected` (-1: does not exist).

    `metadata` is that of each of the events.
    """

    stream: str
    expected: int
    events: Sequence[tuple[UUID, str, bytes]]
    metadata: bytes


class UnansweredAppends(Exception):
    """The call ended before every append was answered: each may have happened or not."""


@retrygrpc
@autoreconnect
async def pipelined(client: AsyncEventStoreDBClient, requests: Sequence[Request], timeout: float) -> set[int]:
    """The indexes of the requests that the store refused for their expected revision; the others are written.

    Any other refusal, and an answer that does not come within `timeout` seconds, raises esdbclient's exception.
    As with each of its own methods a call that fails is made once more, to the new leader if there is one: the ids of
    the events keep that from writing anything twice.
    """
    if not requests:
        return set()
    streams = client._connection.streams
    goes_on: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    call = streams._stub.BatchAppend(
        _messages(requests, goes_on),
        timeout=timeout,
        metadata=streams._metadata(client._call_metadata, requires_leader=True),
        credentials=client._call_credentials,
    )
    try:
        return await _answers(call, requests, goes_on)
    except grpc.RpcError as error:
        raise handle_rpc_error(error) from None
    finally:
        if not goes_on.done():
            goes_on.set_result(False)
        call.cancel()


async def _messages(
    requests: Sequence[Request], goes_on: "asyncio.Future[bool]"
) -> AsyncIterator[streams_pb2.BatchAppendReq]:
    """The first one, and the others after its answer.

    A node that does not lead ends the call at once; to a client that is still sending, gRPC would tell of an internal
    error, and not where the leader is.
    """
    yield message(0, requests[0])
    if await goes_on:
        for number in range(1, len(requests)):
            yield message(number, requests[number])


def message(number: int, request: Request) -> streams_pb2.BatchAppendReq:
    """The request on the wire; `number`, below 2^48, comes back in its answer."""
    made = streams_pb2.BatchAppendReq(is_final=True)
    made.correlation_id.string = _CORRELATION.format(number)
    options = made.options
    options.stream_identifier.stream_name = request.stream.encode()
    options.deadline.seconds = PROTOBUF_MAX_DEADLINE_SECONDS
    if request.expected < 0:
        options.no_stream.SetInParent()
    else:
        options.stream_position = request.expected
    for id_, type_, data in request.events:
        proposed = made.proposed_messages.add()
        proposed.id.string = str(id_)
        proposed.metadata["type"] = type_
        proposed.metadata["content-type"] = CONTENT_TYPE
        proposed.custom_metadata = request.metadata
        proposed.data = data
    return made


async def _answers(
    call: "grpc.aio.StreamStreamCall[streams_pb2.BatchAppendReq, streams_pb2.BatchAppendResp]",
    requests: Sequence[Request],
    goes_on: "asyncio.Future[bool]",
) -> set[int]:
    refused: set[int] = set()
    pending = set(range(len(requests)))
    async for response in call:
        if not goes_on.done():
            goes_on.set_result(True)
        number = int(response.correlation_id.string[-12:], 16)
        pending.discard(number)
        if not response.HasField("success") and _refused(response, requests[number]):
            refused.add(number)
        if not pending:
            return refused
    raise UnansweredAppends(f"{len(pending)} of {len(requests)} appends were not answered")


def _refused(response: streams_pb2.BatchAppendResp, request: Request) -> bool:
    """Whether for the expected revision; esdbclient's exception for any other error."""
    try:
        AsyncStreamsService._convert_batch_append_resp(response, request.stream, request.expected)
    except WrongCurrentVersion:
        return True
    return False
