"""Many appends in one call go on after the store has another leader, or was away for a moment."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc.aio
import pytest
from esdbclient.protos.Grpc import shared_pb2

from deploy.embedded.eventstore.gossip import GOSSIP_SERVICE, STREAMS_SERVICE, Gossip
from deploy.embedded.eventstore.server import EventStoreServer
from shared.chassis.codec import Codec
from shared.chassis.event_store import NO_STREAM, EventStore
from shared.testing.event_store_contract import append
from shared.testing.memory import MemoryKeys

pytestmark = pytest.mark.anyio
LOCAL = "127.0.0.1"


class FormerLeader:
    """A node that still says it leads, and refuses every append; `refusal` ends the call."""

    def __init__(self) -> None:
        self._server = grpc.aio.server()
        self.port = self._server.add_insecure_port(f"{LOCAL}:0")
        self.leader = 0
        self.asked = 0

    async def start(self) -> None:
        calls = {"BatchAppend": grpc.stream_stream_rpc_method_handler(self._refuse)}
        gossip = {
            "Read": grpc.unary_unary_rpc_method_handler(Gossip(LOCAL, self.port).read, shared_pb2.Empty.FromString)
        }
        self._server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(STREAMS_SERVICE, calls),
                grpc.method_handlers_generic_handler(GOSSIP_SERVICE, gossip),
            )
        )
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(0)

    async def _refuse(self, _requests: Any, context: Any) -> None:
        self.asked += 1
        trailers = (("leader-endpoint-host", LOCAL), ("leader-endpoint-port", str(self.leader)))
        await context.abort(grpc.StatusCode.NOT_FOUND, "Leader info available", trailers)


@pytest.fixture
async def leader(tmp_path: Path) -> AsyncIterator[int]:
    server = EventStoreServer(tmp_path / "events.db")
    yield await server.start(LOCAL, 0)
    await server.stop()


@pytest.fixture
async def former() -> AsyncIterator[FormerLeader]:
    node = FormerLeader()
    await node.start()
    yield node
    await node.stop()


async def test_many_appends_follow_the_store_to_its_new_leader(former: FormerLeader, leader: int) -> None:
    former.leader = leader
    # With one address alone esdbclient stays where it is.
    store = EventStore(f"esdb://{LOCAL}:{former.port},{LOCAL}:{former.port}?Tls=false", Codec(MemoryKeys()))
    await store.connect()
    try:
        one, other = append("feed-elm.1", NO_STREAM, "a", ids=(UUID(int=1),)), append("feed-elm.2", NO_STREAM, "b")
        assert await store.append_many([one, other]) == [0, 0]
        assert await store.append_many([one]) == [0]
        assert [len(await store.read(stream)) for stream in ("feed-elm.1", "feed-elm.2")] == [1, 1]
        assert former.asked == 1
    finally:
        await store.close()
