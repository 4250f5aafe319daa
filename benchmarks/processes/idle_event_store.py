"""A server that answers appends and reads at once and stores nothing: the other side of G5."""

import asyncio
from typing import Any
from uuid import uuid4

import grpc
import grpc.aio
import uvloop
from esdbclient.protos.Grpc import shared_pb2, streams_pb2

SERVICE = "event_store.client.streams.Streams"
DATA = b"{}" + b" " * 200


async def batch_append(_requests: Any, context: Any) -> None:
    while (request := await context.read()) is not grpc.aio.EOF:
        position = shared_pb2.AllStreamPosition(commit_position=1, prepare_position=1)
        success = streams_pb2.BatchAppendResp.Success(position=position)
        reply = streams_pb2.BatchAppendResp(correlation_id=request.correlation_id, success=success)
        await context.write(reply.SerializeToString())


async def read(request: streams_pb2.ReadReq, context: Any) -> None:
    body = encoded_event()
    for _ in range(request.options.count):
        await context.write(body)


def encoded_event() -> bytes:
    response = streams_pb2.ReadResp()
    response.event.commit_position = 1
    recorded = response.event.event
    recorded.id.string = str(uuid4())
    recorded.data = DATA
    recorded.metadata.update({"type": "t", "created": "1", "content-type": "application/json"})
    return response.SerializeToString()


async def serve() -> None:
    calls = {
        "BatchAppend": grpc.stream_stream_rpc_method_handler(batch_append, streams_pb2.BatchAppendReq.FromString),
        "Read": grpc.unary_stream_rpc_method_handler(read, streams_pb2.ReadReq.FromString),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, calls),))
    print(f"idle server ready on 127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", flush=True)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
