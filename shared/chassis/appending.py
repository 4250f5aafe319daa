"""Many appends over one BatchAppend call, which the server takes up concurrently.

esdbclient opens a call for each append. The protocol allows many requests in one call, told apart by correlation
id; this module drives esdbclient's own request builder and stub that way (ADR 8).
"""

from collections.abc import Sequence
from uuid import UUID

import grpc
from esdbclient import AsyncEventStoreDBClient, NewEvent, StreamState
from esdbclient.common import handle_rpc_error
from esdbclient.exceptions import WrongCurrentVersion
from esdbclient.protos.Grpc import streams_pb2
from esdbclient.streams import AsyncStreamsService

Request = tuple[str, int | StreamState, list[NewEvent]]


class UnansweredAppends(Exception):
    """The call ended before every append was answered: each may have happened or not."""


async def pipelined(client: AsyncEventStoreDBClient, requests: Sequence[Request], timeout: float) -> set[int]:
    """The indexes of the requests that the store refused for their expected revision; the others are written.

    Any other refusal, and an answer that does not come within `timeout` seconds, raises esdbclient's exception.
    """
    if not requests:
        return set()
    streams = client._connection.streams
    call = streams._stub.BatchAppend(
        iter([_request(streams, i, request) for i, request in enumerate(requests)]),
        timeout=timeout,
        metadata=streams._metadata(client._call_metadata, requires_leader=True),
        credentials=client._call_credentials,
    )
    try:
        return await _answers(streams, call, requests)
    except grpc.RpcError as error:
        raise handle_rpc_error(error) from None
    finally:
        call.cancel()


def _request(streams: AsyncStreamsService, index: int, request: Request) -> streams_pb2.BatchAppendReq:
    stream, version, events = request
    return streams._construct_batch_append_req(stream, version, events, UUID(int=index), None)


async def _answers(
    streams: AsyncStreamsService,
    call: "grpc.aio.StreamStreamCall[streams_pb2.BatchAppendReq, streams_pb2.BatchAppendResp]",
    requests: Sequence[Request],
) -> set[int]:
    refused: set[int] = set()
    pending = set(range(len(requests)))
    async for response in call:
        index = UUID(response.correlation_id.string).int
        pending.discard(index)
        try:
            streams._convert_batch_append_resp(response, *requests[index][:2])
        except WrongCurrentVersion:
            refused.add(index)
        if not pending:
            return refused
    raise UnansweredAppends(f"{len(pending)} of {len(requests)} appends were not answered")
