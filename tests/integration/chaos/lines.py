"""A way to a server that can be slow, or deaf: what the server answers never arrives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from shared.chassis.tasks import end

_CHUNK = 256 * 1024


class Line:
    """`delay`: seconds that each piece of a request takes; `is_deaf`: answers are swallowed, requests arrive.

    Answers wait between `hold` and `release`.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._pumps: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.delay = 0.0
        self.is_deaf = False
        self._passing = asyncio.Event()
        self._passing.set()

    def hold(self) -> None:
        """Answers wait from now on."""
        self._passing.clear()

    def release(self) -> None:
        """Answers pass."""
        self._passing.set()

    @asynccontextmanager
    async def address(self) -> AsyncIterator[str]:
        """Where it begins, as host:port, while the block lasts."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        try:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            await end(*self._pumps)
            for writer in self._writers:
                writer.close()

    def heal(self) -> None:
        """Everything passes again, on new connections: on the old ones something is missing."""
        self.is_deaf = False
        for writer in self._writers:
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, far_writer}
        for pump in (self._ask(reader, far_writer), self._answer(far_reader, writer)):
            self._pumps.add(asyncio.ensure_future(pump))

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._passing.wait()
                if not self.is_deaf:
                    writer.write(data)
                    await writer.drain()
        writer.close()
