"""From a Faust stream to windows: whatever has arrived while the last window was being written is the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog
from faust.streams import Stream
from faust.types import EventT, StreamT

WINDOW = 500
Handle = Callable[[Sequence[EventT[bytes]]], Awaitable[None]]
log = structlog.get_logger(__name__)


class Windows:
    """Feeds `handle` with at most 500 events at a time, in order, and acknowledges them when it returns.

    `handle` must not raise: Faust acknowledges what an exception leaves behind (faust #606), and it would be lost.
    One that does ends the process, and the events come again.
    """

    def __init__(self, handle: Handle, fatal: Callable[[BaseException], None]) -> None:
        self._handle = handle
        self._fatal = fatal
        self._waiting: list[EventT[bytes]] = []
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    async def consume(self, stream: StreamT[bytes]) -> None:
        """The body of the agent."""
        writing = asyncio.ensure_future(self._write())
        writing.add_done_callback(self._ended)
        assert isinstance(stream, Stream)
        try:
            async for event in stream.noack().events():
                self._waiting.append(event)
                self._arrived.set()
                if len(self._waiting) >= WINDOW:
                    self._room.clear()
                    await self._room.wait()
        finally:
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing

    async def _write(self) -> None:
        while True:
            await self._arrived.wait()
            window, self._waiting = self._waiting, []
            self._arrived.clear()
            self._room.set()
            await self._handle(window)
            for event in window:
                event.ack()

    def _ended(self, writing: "asyncio.Future[None]") -> None:
        if not writing.cancelled() and (error := writing.exception()):
            self._fatal(error)
