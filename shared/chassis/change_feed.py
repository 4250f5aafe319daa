"""One MongoDB change stream per watched collection and process, handed on to everybody who watches.

motor waits for changes in a thread of a small pool: a change stream for each reader would use them all up.
"""

import asyncio
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Self

import structlog
from motor.motor_asyncio import AsyncIOMotorChangeStream
from pymongo.errors import OperationFailure, PyMongoError

from shared.chassis.clock import now
from shared.chassis.mongo import Collection, Document

RESUME_FOR = timedelta(minutes=5)
WAIT_MS = 500
RETRY_SECONDS = 1.0
BACKLOG = 1_000
"""Changes kept for one watcher; who is slower than that is told to start anew."""
_PLACE = re.compile(r"(\d{1,12})-((?:[0-9A-Fa-f]{2}){1,1024})\Z")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Place:
    """Where a reader is: the resume token and when (seconds since 1970) it was handed out."""

    at: int
    token: str

    def __str__(self) -> str:
        return f"{self.at}-{self.token}"

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """None for no place; a text that is none is a place long ago, from which nobody can resume."""
        found = _PLACE.match(text or "")
        if found:
            return cls(int(found[1]), found[2])
        return cls(0, "") if text else None

    @property
    def is_recent(self) -> bool:
        """Older places would make the server read its log for long, and it may have dropped them."""
        return timedelta(0) <= timedelta(seconds=now().timestamp() - self.at + 1) <= RESUME_FOR

    @classmethod
    def here(cls, token: Mapping[str, Any]) -> Self:
        """The place of a resume token that was read just now."""
        return cls(int(now().timestamp()), str(token["_data"]))


@dataclass(frozen=True)
class Moved:
    """What a watcher is told: a change carries its document."""

    kind: Literal["open", "change", "reset"]
    place: Place | None
    document: Document | None = None


class Subscription:
    """One watcher's events. It is told nothing before `begin`; what happens meanwhile is held back in order."""

    def __init__(self, feed: "ChangeFeed", match: Mapping[str, Any], since: Place | None) -> None:
        self.since = since
        self.begun = False
        self._feed = feed
        self._match = match
        self._held: list[Moved] | None = []
        self._queue: asyncio.Queue[Moved | None] = asyncio.Queue(BACKLOG)

    async def __aenter__(self) -> Self:
        self._feed.join(self)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._feed.part(self)

    async def next(self) -> Moved | None:
        """The next event; None is the end."""
        return await self._queue.get()

    def offer(self, moved: Moved) -> None:
        """Something happened now. Other people's documents stop here."""
        if moved.document is not None and not _fits(moved.document, self._match):
            return
        if self._held is None:
            self._put(moved)
        elif len(self._held) < BACKLOG:
            self._held.append(moved)

    def catch_up(self, moved: Moved) -> None:
        """Something happened since the watcher's place, before now."""
        if moved.document is not None and _fits(moved.document, self._match):
            self._put(moved)

    def go_live(self, *first: Moved, told: Set[str] = frozenset()) -> None:
        """Tell `first`, then what was held back apart from the tokens in `told`; from now on everything at once."""
        held, self._held = self._held or [], None
        for moved in (*first, *(moved for moved in held if moved.place is None or moved.place.token not in told)):
            self._put(moved)

    def end(self) -> None:
        """No more events."""
        self._put(None)

    def _put(self, moved: Moved | None) -> None:
        if self._queue.full():
            self._empty()
            self._queue.put_nowait(Moved("reset", moved.place if moved else None))
        self._queue.put_nowait(moved)

    def _empty(self) -> None:
        """A watcher that does not keep up starts anew instead of filling the memory."""
        while not self._queue.empty():
            self._queue.get_nowait()


class ChangeFeed:
    """The change stream of one collection. It is open while somebody watches, and survives the server's absence."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._watchers: set[Subscription] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[None] | None = None
        self._token: Mapping[str, Any] | None = None
        self._is_open = False
        self._has_lost = False

    def subscribe(self, match: Mapping[str, Any], since: Place | None) -> Subscription:
        """A watcher of the documents whose fields equal `match`, from `since` or from now on."""
        return Subscription(self, match, since)

    def join(self, watcher: Subscription) -> None:
        """Let a watcher in."""
        self._watchers.add(watcher)
        if self._is_open:
            self._begin(watcher)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())

    def part(self, watcher: Subscription) -> None:
        """Let it go; without watchers the change stream ends within half a second."""
        self._watchers.discard(watcher)

    def end_all(self) -> None:
        """Tell every watcher that this is the end."""
        for watcher in self._watchers:
            watcher.end()

    async def stop(self) -> None:
        """End everything and wait until no thread reads any more."""
        self.end_all()
        self._watchers.clear()
        await asyncio.gather(*self._tasks, *filter(None, [self._running]), return_exceptions=True)

    async def _run(self) -> None:
        while self._watchers:
            try:
                await self._read()
            except PyMongoError as error:
                self._has_lost |= isinstance(error, OperationFailure)
                log.warning("change-stream-interrupted", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
            if self._has_lost:
                self._token = None
        self._is_open, self._has_lost, self._token = False, False, None

    async def _read(self) -> None:
        """Until nobody watches or the stream is invalidated (its collection was dropped or renamed)."""
        async with self._watch(self._token, WAIT_MS) as stream:
            while self._watchers and _is_alive(stream):
                change = await stream.try_next()
                self._token = stream.resume_token or self._token
                self._opened()
                if change is not None:
                    self._spread(change)
            self._has_lost = not _is_alive(stream)

    def _watch(self, token: Mapping[str, Any] | None, wait_ms: int) -> AsyncIOMotorChangeStream[Document]:
        stream: AsyncIOMotorChangeStream[Document] = self._collection.watch(
            full_document="updateLookup", resume_after=token, max_await_time_ms=wait_ms
        )
        return stream

    def _opened(self) -> None:
        self._is_open = True
        if self._has_lost:
            self._has_lost = False
            for watcher in self._watchers:
                watcher.offer(Moved("reset", self._place()))
        for watcher in self._watchers:
            if not watcher.begun:
                self._begin(watcher)

    def _begin(self, watcher: Subscription) -> None:
        watcher.begun = True
        if watcher.since is None:
            watcher.go_live(Moved("open", self._place()))
        elif not watcher.since.is_recent:
            watcher.go_live(Moved("reset", self._place()))
        else:
            task = asyncio.create_task(self._catch_up(watcher, watcher.since))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _catch_up(self, watcher: Subscription, since: Place) -> None:
        """Read on from `since` until nothing more comes; what the feed itself saw meanwhile follows, each once."""
        told: set[str] = set()
        try:
            async with self._watch({"_data": since.token}, WAIT_MS) as stream:
                while watcher in self._watchers and (change := await stream.try_next()) is not None:
                    moved = _moved(change)
                    told.add(str(change["_id"]["_data"]))
                    watcher.catch_up(moved)
        except PyMongoError as error:
            log.info("change-stream-not-resumed", error=type(error).__name__)
            watcher.go_live(Moved("reset", self._place()))
        else:
            watcher.go_live(told=told)

    def _spread(self, change: Document) -> None:
        moved = _moved(change)
        if moved.document is not None:
            for watcher in self._watchers:
                watcher.offer(moved)

    def _place(self) -> Place | None:
        return Place.here(self._token) if self._token else None


def _is_alive(stream: Any) -> bool:
    """motor's type stubs call this property a method."""
    return bool(stream.alive)


def _moved(change: Document) -> Moved:
    """A change of a document that is still there; deletions and changes of the collection carry none."""
    return Moved("change", Place.here(change["_id"]), change.get("fullDocument"))


def _fits(document: Document, match: Mapping[str, Any]) -> bool:
    return all(_value(document, name) == wanted for name, wanted in match.items())


def _value(document: Any, name: str) -> Any:
    for part in name.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document
