"""The server: the parts put together, started and stopped."""

import logging
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from esdbclient.protos.Grpc import shared_pb2, streams_pb2
from google.protobuf.message import Message

from deploy.embedded.eventstore import gossip
from deploy.embedded.eventstore.append import Appends
from deploy.embedded.eventstore.batch_append import BatchAppends
from deploy.embedded.eventstore.batches import Room
from deploy.embedded.eventstore.crashes import Passing, go_on
from deploy.embedded.eventstore.deletes import Deletes
from deploy.embedded.eventstore.errors import refusing
from deploy.embedded.eventstore.history import History
from deploy.embedded.eventstore.reads import Reads
from deploy.embedded.eventstore.storage import prepare, reserve_log
from deploy.embedded.eventstore.tail import Tail
from deploy.embedded.eventstore.wire import decoder
from deploy.embedded.eventstore.writer import Writer

logger = logging.getLogger(__name__)

MESSAGE_BYTES = 17 * 2**20
DRAIN_SECONDS = 3.0

OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    # Otherwise a second server could take the same port and share its connections.
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),
    ("grpc.http2.max_ping_strikes", 0),
)


class PortTakenError(Exception):
    """Nobody can listen at this address."""


class EventStoreServer:
    """One event store on one address. Create and use it inside a running event loop."""

    def __init__(self, database: Path, passing: Passing = go_on) -> None:
        prepare(database)
        self._history = History(database)
        self._writer = Writer(database, committed=self._committed, passing=passing)
        reserve_log(database)
        self._tail = Tail(self._writer.last_position)
        self._server = grpc.aio.server(options=OPTIONS)

    async def start(self, host: str, port: int) -> int:
        """Listen and serve; port 0 picks a free one. Gives the port. Errors: PortTakenError."""
        try:
            bound: int = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise PortTakenError(f"cannot listen on {host}:{port}") from error
        self._server.add_generic_rpc_handlers(self._handlers(gossip.Gossip(host, bound)))
        self._writer.start()
        await self._server.start()
        return bound

    async def stop(self) -> None:
        """End subscriptions, let requests finish for DRAIN_SECONDS, write what is queued."""
        self._tail.close()
        await self._server.stop(DRAIN_SECONDS)
        await self._writer.stop()
        self._history.close()

    def _committed(self, rows: Any) -> None:
        self._tail.publish(rows)

    def _handlers(self, members: gossip.Gossip) -> tuple[Any, ...]:
        """Calls that are not here are answered UNIMPLEMENTED by gRPC itself."""
        features = gossip.ServerFeatures()
        services = {
            gossip.STREAMS_SERVICE: self._stream_calls(),
            gossip.GOSSIP_SERVICE: {"Read": _unary(members.read, shared_pb2.Empty)},
            gossip.FEATURES_SERVICE: {"GetSupportedMethods": _unary(features.get_supported_methods, shared_pb2.Empty)},
        }
        return tuple(grpc.method_handlers_generic_handler(service, calls) for service, calls in services.items())

    def _stream_calls(self) -> dict[str, Any]:
        deletes = Deletes(self._writer)
        room = Room()
        return {
            "Read": grpc.unary_stream_rpc_method_handler(
                _decoding(Reads(self._history, self._tail).read, streams_pb2.ReadReq)
            ),
            "Append": grpc.stream_unary_rpc_method_handler(
                refusing(Appends(self._writer, room).append), request_deserializer=decoder(streams_pb2.AppendReq)
            ),
            "BatchAppend": grpc.stream_stream_rpc_method_handler(
                refusing(BatchAppends(self._writer, room).batch_append),
                request_deserializer=decoder(streams_pb2.BatchAppendReq),
            ),
            "Delete": _unary(deletes.delete, streams_pb2.DeleteReq),
            "Tombstone": _unary(deletes.tombstone, streams_pb2.TombstoneReq),
        }


def _unary(behaviour: Any, request: type[Message]) -> Any:
    """Handlers answer with bytes they encoded themselves, so there is no response serializer."""
    return grpc.unary_unary_rpc_method_handler(_decoding(behaviour, request))


def _decoding(behaviour: Any, request: type[Message]) -> Any:
    """Read the one request of a call where a refusal can be answered; gRPC would make it an unknown error."""
    decode = decoder(request)

    async def decoded(raw: bytes, context: Any) -> Any:
        return await behaviour(decode(raw), context)

    return refusing(decoded)
