"""A connection that died without a word must not stop the relay for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from urllib.parse import urlsplit

import pytest

from shared.chassis import event_store
from shared.chassis.event_store import INFRASTRUCTURE_ERRORS, EventStore
from shared.testing.running import Servers
from tests.integration.pipeline.conftest import Toy

NOTICED_WITHIN = 15.0
pytestmark = [pytest.mark.anyio, pytest.mark.servers]


class Line:
    """A way to a server that can be cut so that neither end notices."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._pumps: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        self._flowing.clear()

    @asynccontextmanager
    async def address(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        try:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for pump in self._pumps:
                pump.cancel()
            await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            self._pumps.add(asyncio.ensure_future(self._pump(source, sink)))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        finally:
            sink.close()


async def test_a_dead_connection_to_the_event_store_is_noticed(
    service: Toy, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_store, "KEEPALIVE_MS", 300)
    uri = urlsplit(servers.eventstore)
    line = Line(uri.hostname or "", uri.port or 2113)
    async with line.address() as address:
        store = EventStore(f"esdb://{address}?{uri.query}", service.running.store.codec)
        await store.connect()
        began = monotonic()
        with pytest.raises(INFRASTRUCTURE_ERRORS):
            await asyncio.wait_for(follow_until_cut(store, line), NOTICED_WITHIN)
        assert monotonic() - began < NOTICED_WITHIN, "the test gave up before the client did"
        await asyncio.wait_for(store.close(), 5)


async def follow_until_cut(store: EventStore, line: Line) -> None:
    """Cuts the line when the subscription has caught up; nothing can come then any more."""
    async with store.subscribe(None, r"toy\..*") as events:
        async for event in events:
            if event is None:
                line.cut()
