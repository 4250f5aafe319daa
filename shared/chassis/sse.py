"""Live views: SSE from the read side, resumable with Last-Event-ID (design 18, HTML standard section 9.2)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from shared.chassis.auth import Identity
from shared.chassis.change_feed import ChangeFeed, Moved, Place, Subscription
from shared.chassis.clock import now
from shared.chassis.metrics import LIVE_STREAMS
from shared.chassis.mongo import Collection, Document
from shared.chassis.problems import Problem, draining

Render = Callable[[Document], Mapping[str, Any] | None]
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
HEARTBEAT = b": still here\n\n"


class LiveFeeds:
    """The live streams of one process: `app.state.live`. One change stream per collection serves all who watch it."""

    def __init__(self, service: str, per_subject: int = 8, heartbeat: float = 15.0) -> None:
        self.heartbeat = heartbeat
        self._per_subject = per_subject
        self._gauge = LIVE_STREAMS.labels(service)
        self._open: Counter[str] = Counter()
        self._feeds: dict[str, ChangeFeed] = {}
        self._closing = False

    def feed(self, collection: Collection) -> ChangeFeed:
        """The feed of a collection; it reads only while somebody watches."""
        return self._feeds.setdefault(f"{collection.database.name}.{collection.name}", ChangeFeed(collection))

    def enter(self, subject: str) -> None:
        """Count a stream in. Problem 429 `too-many-live-streams`, 503 `draining`."""
        if self._closing:
            raise draining()
        if self._open[subject] >= self._per_subject:
            raise Problem(429, "too-many-live-streams", "Close another live stream first.", limit=self._per_subject)
        self._open[subject] += 1
        self._gauge.inc()

    def leave(self, subject: str) -> None:
        """Count it out."""
        self._gauge.dec()
        self._open[subject] -= 1
        if self._open[subject] <= 0:
            del self._open[subject]

    def close(self) -> None:
        """End every stream, so that a process can stop; their clients come back to another one."""
        self._closing = True
        for feed in self._feeds.values():
            feed.end_all()

    async def stop(self) -> None:
        """As `close`, and wait until nothing reads from MongoDB any more."""
        self.close()
        await asyncio.gather(*(feed.stop() for feed in self._feeds.values()))


class LiveResponse(StreamingResponse):
    """Holds its place among the subject's streams from the first byte to the last, however it ends."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[bytes], feeds: LiveFeeds, subject: str) -> None:
        super().__init__(content, headers=HEADERS)
        self._feeds = feeds
        self._subject = subject

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises the problems of `LiveFeeds.enter` before anything is sent."""
        self._feeds.enter(self._subject)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._feeds.leave(self._subject)


def live(request: Request, collection: Collection, match: Mapping[str, Any], render: Render) -> LiveResponse:
    """Documents of `collection` whose fields equal `match` (dotted names allowed), each time one changes.

    `match` holds the tenant and, for owners, the client: nothing else keeps others' documents out. `render` picks what
    the reader may see (None: nothing of this one). Events: `open` (now load the list), `change` (a document), `reset`
    (changes were missed: load anew). `id` is where Last-Event-ID resumes, for five minutes. A document that is deleted
    or no longer matches gives no event. A comment every 15 s. The stream ends at token expiry and on drain.
    """
    who: Identity = request.state.identity
    feeds: LiveFeeds = request.app.state.live
    place = Place.parse(request.headers.get("last-event-id"))
    subscription = feeds.feed(collection).subscribe(match, place)
    return LiveResponse(_events(subscription, who, render, feeds.heartbeat), feeds, who.subject)


async def _events(subscription: Subscription, who: Identity, render: Render, heartbeat: float) -> AsyncIterator[bytes]:
    async with subscription:
        while True:
            left = (who.expires_at - now()).total_seconds()
            if left <= 0:
                return
            try:
                moved = await asyncio.wait_for(subscription.next(), min(heartbeat, left))
            except TimeoutError:
                yield HEARTBEAT
                continue
            if moved is None:
                return
            message = _message(moved, render)
            if message:
                yield message


def _message(moved: Moved, render: Render) -> bytes:
    if moved.document is None:
        return _event(moved.kind, moved.place, {})
    shown = render(moved.document)
    return _event(moved.kind, moved.place, shown) if shown is not None else b""


def _event(kind: str, place: Place | None, data: Mapping[str, Any]) -> bytes:
    """JSON has no raw line break, so one data line is enough. An empty id makes the client forget where it was."""
    body = orjson.dumps(data, default=str)
    return b"event: %b\nid: %b\ndata: %b\n\n" % (kind.encode(), str(place or "").encode(), body)
