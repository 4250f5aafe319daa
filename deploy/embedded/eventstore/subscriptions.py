"""Subscriptions: confirmation, history, caught up, then live events until the client goes away."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import uuid4

from esdbclient.protos.Grpc import streams_pb2

from deploy.embedded.eventstore.errors import StreamDeletedError
from deploy.embedded.eventstore.filters import CheckpointCounter, Row
from deploy.embedded.eventstore.history import History, PageSize
from deploy.embedded.eventstore.metadata import END_OF_STREAM
from deploy.embedded.eventstore.presenting import presenter
from deploy.embedded.eventstore.requests import END, START, ReadPlan
from deploy.embedded.eventstore.tail import NEVER, Tail

CAUGHT_UP = streams_pb2.ReadResp(caught_up=streams_pb2.ReadResp.CaughtUp()).SerializeToString()


class Feed(Protocol):
    """Where a subscription's events come from: memory when it is up to date, else the database."""

    behind: bool
    checkpoints: CheckpointCounter | None

    def rows(self) -> Sequence[Row]:
        """The next events to consider; none when the subscription has reached the end."""

    def wants(self, row: Row) -> bool: ...

    async def wait(self) -> None:
        """Sleep until there may be something to send."""


class AllFeed:
    """`$all` after a position."""

    def __init__(self, plan: ReadPlan, history: History, tail: Tail) -> None:
        start = {START: 0, END: tail.head}.get(plan.start, plan.start)
        self.behind = True
        self.checkpoints = CheckpointCounter(plan.checkpoint_interval, start) if plan.filter else None
        self._filter = plan.filter
        self._named = plan.filter is not None and plan.filter.by_stream
        self._position = start
        self._history = history
        self._tail = tail
        self._size = PageSize()

    def rows(self) -> Sequence[Row]:
        rows = self._tail.after(self._position)
        if rows is None:
            self.behind = True
            rows = self._history.all_page(self._position + 1, False, self._size.rows, self._named)
            self._size.learn(rows)
        if rows:
            self._position = rows[-1][0]
        return rows

    def wants(self, row: Row) -> bool:
        return self._filter is None or self._filter.matches(row)

    async def wait(self) -> None:
        due = self._tail.count + self.checkpoints.remaining if self.checkpoints else NEVER
        await self._tail.wait_for(self._filter, due)


class StreamFeed:
    """One stream after a revision."""

    checkpoints: CheckpointCounter | None = None

    def __init__(self, stream: str, plan: ReadPlan, history: History, tail: Tail) -> None:
        self.behind = True
        self._stream = stream
        self._history = history
        self._tail = tail
        self._size = PageSize()
        view = history.stream(stream)
        from_end = plan.start == END
        self._revision = plan.start if not from_end else (view.last if view else START)
        # Below every kept position, so that the first rows come from the database.
        self._position = tail.head if from_end else START

    def rows(self) -> Sequence[Row]:
        rows = self._tail.after(self._position)
        if rows is None:
            self.behind = True
            return self._page()
        if rows:
            self._position = rows[-1][0]
        return self._seen([row for row in rows if row[1] == self._stream and row[2] > self._revision])

    def wants(self, row: Row) -> bool:
        if row[2] == END_OF_STREAM:
            raise StreamDeletedError(self._stream)
        return True

    async def wait(self) -> None:
        self._position = await self._tail.wait_for_stream(self._stream)

    def _page(self) -> Sequence[Row]:
        committed = self._tail.head
        view = self._history.stream(self._stream)
        rows: list[Row] = []
        if view is not None:
            rows = self._history.stream_page(view, self._revision + 1, False, self._size.rows)
        if len(rows) < self._size.rows:
            self._position = committed
        self._size.learn(rows)
        return self._seen(rows)

    def _seen(self, rows: Sequence[Row]) -> Sequence[Row]:
        if rows:
            self._revision = rows[-1][2]
        return rows


async def subscribe(plan: ReadPlan, context: Any, history: History, tail: Tail) -> None:
    """Serve one subscription for ever. Errors: StreamDeletedError, ClosedError."""
    feed = _feed(plan, history, tail)
    present = presenter(plan, history)
    # The feed has fixed what "end" means by now: events appended after the confirmation are delivered.
    await context.write(_confirmation())
    while True:
        if rows := feed.rows():
            for row in rows:
                if feed.wants(row):
                    await context.write(present(row))
                if feed.checkpoints and feed.checkpoints.consider(row[0]):
                    await context.write(_checkpoint(row[0]))
            await asyncio.sleep(0)
        elif feed.behind:
            await _catch_up(feed, context)
        else:
            await feed.wait()


def _feed(plan: ReadPlan, history: History, tail: Tail) -> Feed:
    if plan.stream is None:
        return AllFeed(plan, history, tail)
    return StreamFeed(plan.stream, plan, history, tail)


async def _catch_up(feed: Feed, context: Any) -> None:
    feed.behind = False
    position = feed.checkpoints.catch_up() if feed.checkpoints else None
    if position is not None:
        await context.write(_checkpoint(position))
    await context.write(CAUGHT_UP)


def _confirmation() -> bytes:
    confirmation = streams_pb2.ReadResp.SubscriptionConfirmation(subscription_id=str(uuid4()))
    return streams_pb2.ReadResp(confirmation=confirmation).SerializeToString()


def _checkpoint(position: int) -> bytes:
    checkpoint = streams_pb2.ReadResp.Checkpoint(commit_position=position, prepare_position=position)
    return streams_pb2.ReadResp(checkpoint=checkpoint).SerializeToString()
