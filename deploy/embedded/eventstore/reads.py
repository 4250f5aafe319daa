"""The Read call: a bounded read of a stream or of `$all`, or the start of a subscription."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from esdbclient.protos.Grpc import shared_pb2, streams_pb2

from deploy.embedded.eventstore.errors import ClosedError
from deploy.embedded.eventstore.filters import Row
from deploy.embedded.eventstore.history import History, PageSize, StreamView
from deploy.embedded.eventstore.presenting import presenter
from deploy.embedded.eventstore.requests import END, ReadPlan, read_plan
from deploy.embedded.eventstore.subscriptions import subscribe
from deploy.embedded.eventstore.tail import Tail


class Reads:
    """Serves Read."""

    def __init__(self, history: History, tail: Tail) -> None:
        self._history = history
        self._tail = tail

    async def read(self, request: streams_pb2.ReadReq, context: Any) -> None:
        plan = read_plan(request.options)
        if plan.count is None:
            await subscribe(plan, context, self._history, self._tail)
        elif plan.stream is None:
            is_search = plan.filter and plan.backwards and plan.start == END and plan.count == 1
            pages = newest_page if is_search else all_pages
            await self._send(plan, plan.count, pages(self._history, plan), context)
        elif (view := self._history.stream(plan.stream)) is None:
            await context.write(not_found(plan.stream))
        else:
            await self._send(plan, plan.count, stream_pages(self._history, view, plan), context)

    async def _send(self, plan: ReadPlan, count: int, pages: Iterator[Sequence[Row]], context: Any) -> None:
        present = presenter(plan, self._history)
        left = count
        for page in pages:
            for row in page:
                if left <= 0:
                    return
                if plan.filter is None or plan.filter.matches(row):
                    await context.write(present(row))
                    left -= 1
            if left <= 0 or self._tail.closed:
                break
            await asyncio.sleep(0)
        if self._tail.closed and left > 0:
            raise ClosedError


def all_pages(history: History, plan: ReadPlan) -> Iterator[Sequence[Row]]:
    size = PageSize()
    named = plan.filter is not None and plan.filter.by_stream
    start = plan.start
    full = True
    while full and (page := history.all_page(start, plan.backwards, limit := _limit(size, plan), named)):
        yield page
        full = len(page) == limit
        size.learn(page)
        start = page[-1][0] if plan.backwards else page[-1][0] + 1


def newest_page(history: History, plan: ReadPlan) -> Iterator[Sequence[Row]]:
    """The newest event that passes the filter, after empty pages while it is searched for.

    Clients ask so again and again, to know how far there is to go. Events never change: what was searched once is not
    searched anew, or the question would cost more with every event of others.
    """
    chosen = plan.filter
    assert chosen is not None
    (searched, found), head = chosen.newest, 0
    for page in all_pages(history, plan):
        head = head or page[0][0]
        news = [row for row in page if row[0] > searched]
        match = next((row[0] for row in news if chosen.matches(row)), 0)
        found = match or found
        if match or len(news) < len(page):
            break
        yield ()
    chosen.newest = head, found
    if found:
        yield history.all_page(found, False, 1, chosen.by_stream)


def stream_pages(history: History, view: StreamView, plan: ReadPlan) -> Iterator[Sequence[Row]]:
    size = PageSize()
    start = max(plan.start, 0)
    full = True
    while full and (page := history.stream_page(view, start, plan.backwards, limit := _limit(size, plan))):
        yield page
        full = len(page) == limit
        size.learn(page)
        start = page[-1][2] - 1 if plan.backwards else page[-1][2] + 1


def _limit(size: PageSize, plan: ReadPlan) -> int:
    """A short read fetches no more than it may send; a filtered one cannot know."""
    return size.rows if plan.filter is not None else min(size.rows, plan.count or END)


def not_found(stream: str) -> bytes:
    identifier = shared_pb2.StreamIdentifier(stream_name=stream.encode())
    missing = streams_pb2.ReadResp.StreamNotFound(stream_identifier=identifier)
    return streams_pb2.ReadResp(stream_not_found=missing).SerializeToString()
