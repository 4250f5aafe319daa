"""Group commit: whatever requests are waiting are written together, and wait for the disk together."""

import asyncio
import logging
import sqlite3
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

from deploy.embedded.eventstore.crashes import Passing, Place, go_on
from deploy.embedded.eventstore.decision import NO_STREAM
from deploy.embedded.eventstore.errors import QueueFullError
from deploy.embedded.eventstore.filters import Row
from deploy.embedded.eventstore.group import Counters, Failed, Group, Outcome, Work, server_event
from deploy.embedded.eventstore.ledger import Head, Ledger
from deploy.embedded.eventstore.metadata import METADATA_TYPE, REMEMBERED_BYTES
from deploy.embedded.eventstore.wire import JSON

logger = logging.getLogger(__name__)

GROUP_REQUESTS = 256
GROUP_BYTES = 4 * 2**20
QUEUE_REQUESTS = 8192
QUEUE_BYTES = 64 * 2**20
REMEMBERED_HEADS = 20_000
QUICK_SECONDS = 0.002
"""The loop itself waits for a disk that was quicker than this the last time, if only one caller is there."""

Finished = list[tuple[Work, Outcome]]

# A new database starts with a system event, as everywhere: clients rely on `$all` not being empty.
FIRST_WORK = Work(
    stream="$$$settings",
    expected=NO_STREAM,
    events=[server_event(METADATA_TYPE, JSON, b"{}")],
)


class Transaction:
    """Requests whose rows are in the database's memory and wait for the commit."""

    __slots__ = ("error", "finished", "group", "works")

    def __init__(self, works: list[Work], group: Group, finished: Finished) -> None:
        self.works = works
        self.group = group
        self.finished = finished
        self.error: Exception | None = None


class Writer:
    """Lives on the event loop; only the commit, which waits for the disk, has a thread.

    Statements before it work in memory. On the thread each of them would have to win the interpreter lock back from
    the loop. While the thread commits, nothing here touches the ledger: what comes meanwhile makes the next group.
    `committed` gets the rows of each transaction before the requests are answered.
    `passing` is told at every place where a test may want it dead.
    """

    def __init__(self, path: Path, committed: Callable[[Sequence[Row]], None], passing: Passing = go_on) -> None:
        self._ledger = Ledger(path)
        self._committed = committed
        self._passing = passing
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Work] = deque()
        self._once_more: deque[Work] = deque()
        self._commits: SimpleQueue[Transaction | None] = SimpleQueue()
        self._waiting = 0
        self._waiting_bytes = 0
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._stale = False
        self._quick = False
        self._heads: OrderedDict[str, Head] = OrderedDict()
        self._counters = self._stored_counters()
        if self._counters.last_position == 0:
            self._write_first()
        self._thread = threading.Thread(target=self._commit_all, name="event-store-commits")

    def start(self) -> None:
        self._thread.start()

    @property
    def last_position(self) -> int:
        """The newest committed position; for use before `start`."""
        return self._counters.last_position

    @property
    def full(self) -> bool:
        return self._waiting >= QUEUE_REQUESTS or self._waiting_bytes >= QUEUE_BYTES

    def submit(self, work: Work, alone: bool = False) -> None:
        """Queue a request; `work.done` is called after its commit, even if the caller went away.

        If its caller is `alone`, the commit may be made on the spot: there is nobody to be held up, and nobody to share
        it with. Errors: QueueFullError.
        """
        if self.full:
            raise QueueFullError
        self._waiting += 1
        self._waiting_bytes += work.size
        self._queue.append(work)
        if self._busy:
            return
        self._set_busy()
        if alone and self._quick:
            self._write_next(self._commit_here)
        else:
            # Not at once: requests that the loop has received already shall share the transaction.
            self._loop.call_soon(self._write_next, self._commits.put)

    async def stop(self) -> None:
        """Write what is queued, then close the database."""
        await self._idle.wait()
        self._commits.put(None)
        await asyncio.to_thread(self._thread.join)

    def _set_busy(self) -> None:
        self._busy = True
        self._idle.clear()

    def _write_next(self, commit: Callable[[Transaction], None]) -> None:
        works = self._next_works()
        if not works:
            self._busy = False
            self._idle.set()
            return
        try:
            if self._stale:
                self._reload()
            transaction = self._prepared(works)
        except Exception as error:
            self._failed(works, error)
            return
        if transaction.group.rows:
            commit(transaction)
        else:
            self._settle(transaction)

    def _next_works(self) -> list[Work]:
        """What is to be written together: one request that failed in company, or those that queued up."""
        if self._once_more:
            return [self._once_more.popleft()]
        works: list[Work] = []
        size = 0
        while self._queue and len(works) < GROUP_REQUESTS and size < GROUP_BYTES:
            works.append(self._queue.popleft())
            size += works[-1].size
        return works

    def _prepared(self, works: list[Work]) -> Transaction:
        """Errors: sqlite3.Error."""
        group = Group(self._ledger, self._heads, self._counters)
        group.load(works)
        transaction = Transaction(works, group, [(work, group.apply(work)) for work in works])
        if group.rows:
            self._passing(Place.BEFORE_BEGIN)
            self._ledger.begin()
            group.save()
        return transaction

    def _commit_all(self) -> None:
        """The thread."""
        while (transaction := self._commits.get()) is not None:
            self._commit(transaction)
            self._loop.call_soon_threadsafe(self._settle, transaction)
        self._passing(Place.BEFORE_CLOSE)
        self._ledger.close()

    def _commit_here(self, transaction: Transaction) -> None:
        self._commit(transaction)
        self._settle(transaction)

    def _commit(self, transaction: Transaction) -> None:
        started = time.monotonic()
        try:
            self._passing(Place.BEFORE_COMMIT)
            self._ledger.commit()
            self._passing(Place.AFTER_COMMIT_BEFORE_REPLY)
        except Exception as error:
            transaction.error = error
        self._quick = time.monotonic() - started < QUICK_SECONDS

    def _settle(self, transaction: Transaction) -> None:
        """Make it visible and answer; then the next one."""
        if transaction.error is not None:
            self._failed(transaction.works, transaction.error)
            return
        self._remember(transaction.group)
        try:
            self._deliver(transaction.finished, transaction.group.rows)
        finally:
            self._go_on()

    def _failed(self, works: list[Work], error: Exception) -> None:
        """One bad request must not fail those that share its transaction: each is tried again alone."""
        expected = isinstance(error, sqlite3.Error)
        logger.error("a transaction of %d requests failed: %r", len(works), error, exc_info=None if expected else error)
        self._stale = True
        if len(works) == 1:
            self._deliver([(works[0], Failed(str(error)))], [])
        else:
            self._once_more.extend(works)
        self._go_on()

    def _go_on(self) -> None:
        self._loop.call_soon(self._write_next, self._commits.put)

    def _deliver(self, finished: Finished, rows: Sequence[Row]) -> None:
        self._waiting -= len(finished)
        self._waiting_bytes -= sum(work.size for work, _ in finished)
        self._committed(rows)
        for work, outcome in finished:
            work.done(outcome)
            self._passing(Place.AMID_REPLIES)

    def _write_first(self) -> None:
        transaction = self._prepared([FIRST_WORK])
        self._commit(transaction)
        if transaction.error is not None:
            raise transaction.error
        self._remember(transaction.group)

    def _reload(self) -> None:
        """After a failure nothing that was remembered can be relied on."""
        self._ledger.rollback()
        self._heads.clear()
        self._counters = self._stored_counters()
        self._stale = False

    def _remember(self, group: Group) -> None:
        self._counters = group.counters
        for name, head in group.heads.items():
            if len(head.metadata or b"") > REMEMBERED_BYTES:
                self._heads.pop(name, None)
                continue
            self._heads[name] = head
            self._heads.move_to_end(name)
        while len(self._heads) > REMEMBERED_HEADS:
            self._heads.popitem(last=False)

    def _stored_counters(self) -> Counters:
        ledger = self._ledger
        return Counters(ledger.next_position(), ledger.next_stream_id(), ledger.last_position())
