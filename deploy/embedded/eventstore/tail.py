"""The newest events in memory, shared by all subscriptions, and the list of who waits for what."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence

from deploy.embedded.eventstore.errors import ClosedError
from deploy.embedded.eventstore.filters import Filter, Row

KEPT_EVENTS = 4096
KEPT_BYTES = 16 * 2**20
NEVER = 2**63


class Waiter:
    """One sleeping subscription; `due` is the event count at which it owes its client a checkpoint."""

    def __init__(self, due: int) -> None:
        self.due = due
        self.slept_until = 0
        self.woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(self, head: int) -> None:
        """`head` is the newest position before the event that wakes it."""
        if not self.woken.done():
            self.slept_until = head
            self.woken.set_result(None)


class Tail:
    """Lives on the event loop. `head` is the newest committed position, `count` the events published."""

    def __init__(self, head: int) -> None:
        self.head = head
        self.count = 0
        self.closed = False
        self._floor = head
        self._rows: list[Row] = []
        self._positions: list[int] = []
        self._bytes = 0
        self._by_stream: dict[str, set[Waiter]] = {}
        self._by_filter: dict[Filter | None, set[Waiter]] = {}

    def after(self, position: int) -> Sequence[Row] | None:
        """The events after `position`, or None if some of them are no longer kept here."""
        if self.closed:
            raise ClosedError
        if position >= self.head:
            return ()
        if position < self._floor:
            return None
        return self._rows[bisect_right(self._positions, position) :]

    def publish(self, rows: Sequence[Row]) -> None:
        """Make committed events visible here and wake those subscriptions that want one of them."""
        if not rows:
            return
        self._rows.extend(rows)
        self._positions.extend(row[0] for row in rows)
        self._bytes += sum(len(row[4]) for row in rows)
        before, self.head = self.head, rows[-1][0]
        self.count += len(rows)
        self._trim()
        self._wake(rows, before)

    async def wait_for_stream(self, stream: str) -> int:
        """Sleep until the stream has a new event; gives a position with none of its events in between."""
        waiter = Waiter(NEVER)
        await self._wait(self._by_stream.setdefault(stream, set()), waiter)
        if not self._by_stream.get(stream, True):
            del self._by_stream[stream]
        return waiter.slept_until

    async def wait_for(self, chosen: Filter | None, due: int = NEVER) -> None:
        """Sleep until an event passes the filter, or until `count` reaches `due`."""
        await self._wait(self._by_filter.setdefault(chosen, set()), Waiter(due))
        if not self._by_filter.get(chosen, True):
            del self._by_filter[chosen]

    def close(self) -> None:
        """Wake everybody; from now on `after` raises ClosedError."""
        self.closed = True
        for waiters in (*self._by_stream.values(), *self._by_filter.values()):
            for waiter in waiters:
                waiter.wake(self.head)

    async def _wait(self, waiters: set[Waiter], waiter: Waiter) -> None:
        waiters.add(waiter)
        try:
            await waiter.woken
        finally:
            waiters.discard(waiter)

    def _wake(self, rows: Sequence[Row], before: int) -> None:
        for row in rows:
            for waiter in self._by_stream.get(row[1], ()):
                waiter.wake(before)
        for chosen, waiters in self._by_filter.items():
            wanted = chosen is None or chosen.concerns(rows)
            for waiter in waiters:
                if wanted or waiter.due <= self.count:
                    waiter.wake(before)

    def _trim(self) -> None:
        """Forget the older half once there is too much; halving keeps the cost per event constant."""
        while len(self._rows) > KEPT_EVENTS or (self._bytes > KEPT_BYTES and len(self._rows) > 1):
            half = (len(self._rows) + 1) // 2
            self._floor = self._positions[half - 1]
            self._bytes -= sum(len(row[4]) for row in self._rows[:half])
            del self._rows[:half], self._positions[:half]
