"""Group commit: one thread takes whatever requests are waiting and commits them together."""

import asyncio
import logging
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

from deploy.embedded.eventstore.crashes import Passing, Place, go_on
from deploy.embedded.eventstore.decision import NO_STREAM
from deploy.embedded.eventstore.errors import QueueFullError
from deploy.embedded.eventstore.filters import Row
from deploy.embedded.eventstore.group import Counters, Failed, Group, Outcome, Work, server_event
from deploy.embedded.eventstore.ledger import Head, Ledger
from deploy.embedded.eventstore.metadata import METADATA_TYPE, REMEMBERED_BYTES
from deploy.embedded.eventstore.wire import JSON

logger = logging.getLogger(__name__)

GROUP_REQUESTS = 512
GROUP_BYTES = 4 * 2**20
QUEUE_REQUESTS = 8192
QUEUE_BYTES = 64 * 2**20
REMEMBERED_HEADS = 20_000

Finished = list[tuple[Work, Outcome]]

# A new database starts with a system event, as everywhere: clients rely on `$all` not being empty.
FIRST_WORK = Work(
    stream="$$$settings",
    expected=NO_STREAM,
    events=[server_event(METADATA_TYPE, JSON, b"{}")],
)


class Writer:
    """`submit` and the callbacks run on the event loop, everything else on the writer thread.

    `committed` gets the rows of each transaction, on the loop, before the requests are answered.
    `passing` is told at every place where a test may want it dead.
    """

    def __init__(self, path: Path, committed: Callable[[Sequence[Row]], None], passing: Passing = go_on) -> None:
        self._ledger = Ledger(path)
        self._committed = committed
        self._passing = passing
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._waiting = 0
        self._waiting_bytes = 0
        self._stale = False
        self._heads: OrderedDict[str, Head] = OrderedDict()
        self._counters = self._stored_counters()
        if self._counters.last_position == 0:
            self._write([FIRST_WORK])
        self._thread = threading.Thread(target=self._run, name="event-store-writer")

    def start(self) -> None:
        self._thread.start()

    @property
    def last_position(self) -> int:
        """The newest committed position; for use before `start`."""
        return self._counters.last_position

    @property
    def full(self) -> bool:
        return self._waiting >= QUEUE_REQUESTS or self._waiting_bytes >= QUEUE_BYTES

    def submit(self, work: Work) -> None:
        """Queue a request; `work.done` is called after its commit, even if the caller went away.

        Errors: QueueFullError.
        """
        if self.full:
            raise QueueFullError
        self._waiting += 1
        self._waiting_bytes += work.size
        self._queue.put(work)

    async def stop(self) -> None:
        """Write what is queued, then close the database."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _deliver(self, finished: Finished, rows: Sequence[Row]) -> None:
        self._waiting -= len(finished)
        self._waiting_bytes -= sum(work.size for work, _ in finished)
        self._committed(rows)
        for work, outcome in finished:
            work.done(outcome)
            self._passing(Place.AMID_REPLIES)

    def _run(self) -> None:
        while (works := self._next_works()) is not None:
            self._commit(works)
        self._passing(Place.BEFORE_CLOSE)
        self._ledger.close()

    def _next_works(self) -> list[Work] | None:
        """Wait for a request, then take those that queued up behind it; None after `stop`."""
        work = self._queue.get()
        works: list[Work] = []
        size = 0
        try:
            while work is not None:
                works.append(work)
                size += work.size
                if len(works) >= GROUP_REQUESTS or size >= GROUP_BYTES:
                    return works
                work = self._queue.get_nowait()
        except Empty:
            return works
        if works:
            self._queue.put(None)
        return works or None

    def _commit(self, works: list[Work]) -> None:
        """One bad request must not fail those that share its transaction: each is tried again alone."""
        error = self._attempt(works)
        if error is not None and len(works) == 1:
            self._report([(works[0], Failed(str(error)))], [])
        elif error is not None:
            for work in works:
                self._commit([work])

    def _attempt(self, works: list[Work]) -> Exception | None:
        try:
            if self._stale:
                self._reload()
            finished, rows = self._write(works)
        except Exception as error:
            expected = isinstance(error, sqlite3.Error)
            logger.error("a transaction of %d requests failed: %r", len(works), error, exc_info=not expected)
            self._stale = True
            return error
        self._report(finished, rows)
        return None

    def _reload(self) -> None:
        """After a failure nothing that was remembered can be relied on."""
        self._ledger.rollback()
        self._heads.clear()
        self._counters = self._stored_counters()
        self._stale = False

    def _write(self, works: list[Work]) -> tuple[Finished, list[Row]]:
        group = Group(self._ledger, self._heads, self._counters)
        group.load(works)
        finished = [(work, group.apply(work)) for work in works]
        if group.rows:
            self._passing(Place.BEFORE_BEGIN)
            self._ledger.begin()
            group.save()
            self._passing(Place.BEFORE_COMMIT)
            self._ledger.commit()
            self._passing(Place.AFTER_COMMIT_BEFORE_REPLY)
        self._remember(group)
        return finished, group.rows

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

    def _report(self, finished: Finished, rows: Sequence[Row]) -> None:
        self._loop.call_soon_threadsafe(self._deliver, finished, rows)
