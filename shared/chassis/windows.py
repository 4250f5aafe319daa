"""The agent of a worker: it gets windows of raw records, one at a time, instead of a stream of single ones (ADR 17)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from aiokafka import ConsumerRecord
from faust.types import StreamT

WINDOW = 1_000
"""Records in a window at most. Under load fixed costs (positions, round trips) are shared by so many."""
Window = Sequence[ConsumerRecord]
Handle = Callable[[Window], Awaitable[None]]


class Windows:
    """Feeds `handle` with windows in order. Whatever arrives while one is being written is in the next one.

    `handle` must not raise: what it did not do would be lost. If it does the process ends, and the records come again.
    """

    def __init__(self, handle: Handle, fatal: Callable[[BaseException], None]) -> None:
        self._handle = handle
        self._fatal = fatal
        self._offered: asyncio.Queue[tuple[Window, asyncio.Future[None]]] = asyncio.Queue(1)

    async def deliver(self, window: Window) -> None:
        """Returns when the window is handled, and only then its records may be acknowledged."""
        handled = asyncio.get_running_loop().create_future()
        await self._offered.put((window, handled))
        await handled

    async def consume(self, stream: StreamT[bytes]) -> None:
        """The body of the agent. Its stream subscribes to the topics, and stays empty."""
        while True:
            window, handled = await self._offered.get()
            try:
                await self._handle(window)
            except Exception as error:
                # Not acknowledged and not followed by a later window, whatever it was.
                self._fatal(error)
                return
            if not handled.done():
                handled.set_result(None)
