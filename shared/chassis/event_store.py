"""EventStoreDB through esdbclient's asyncio client; the only module that knows the driver (design 20)."""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import grpc
from esdbclient import AsyncEventStoreDBClient, NewEvent, RecordedEvent, StreamState
from esdbclient.common import AbstractAsyncCatchupSubscription
from esdbclient.events import CaughtUp
from esdbclient.exceptions import (
    AccessDeniedError,
    DeadlineExceeded,
    DiscoveryFailed,
    GrpcError,
    NodeIsNotLeader,
    NotFound,
    SubscriptionConfirmationError,
    WrongCurrentVersion,
)

from shared.chassis.appending import Request, UnansweredAppends, pipelined
from shared.chassis.codec import Codec, Draft, Undecodable
from shared.chassis.reading import newest_position, read_stream, whole
from shared.chassis.telemetry import SpanKind, step
from shared.events.base import Event
from shared.events.envelope import Metadata, Recorded, StoredEvent
from shared.kernel.errors import RevisionMismatch, TooLarge
from shared.kernel.streams import category_of

READ_SECONDS = 60.0
"""How long a read of one stream may take: a dead line must not hold its reader for ever."""
NO_STREAM = -1
"""The revision of a stream that has no events."""
MAX_APPEND_BYTES = 1024 * 1024
"""Types, data and metadata of one append: EventStoreDB's own default, and less than a record of a topic may have."""
KEEPALIVE_MS = 10_000
"""A server that answers no ping for so long is gone, also to a subscription that has nothing to send."""
INFRASTRUCTURE_ERRORS = (
    GrpcError,
    DeadlineExceeded,
    DiscoveryFailed,
    NodeIsNotLeader,
    SubscriptionConfirmationError,
    AccessDeniedError,
    UnansweredAppends,
    grpc.RpcError,
    OSError,
    asyncio.TimeoutError,
)
"""The store is away, busy, or does not let us in: waiting helps."""


@dataclass(frozen=True, slots=True)
class Append:
    """Events for one stream, all or nothing, if the stream is at `expected` (-1: does not exist)."""

    stream: str
    expected: int
    events: Sequence[tuple[UUID, Event]]
    metadata: Metadata


class EventStore:
    """Streams of events. Every method raises `INFRASTRUCTURE_ERRORS` when the store cannot be reached.

    The connection string carries TLS and credentials: `esdb://user:pass@host:2113?tls=true&tlsCaFile=...`.
    """

    def __init__(self, uri: str, codec: Codec) -> None:
        self._client = AsyncEventStoreDBClient(uri=uri)
        self._client.grpc_options += _keepalive()
        self.codec = codec

    async def connect(self) -> None:
        """Opens the channel; calls made while the server is away fail and later ones reconnect."""
        await self._client.connect()

    async def close(self) -> None:
        """Ends the connection; calls made afterwards fail."""
        await self._client.close()

    async def append(self, append: Append, timeout: float = 10.0) -> int:
        """The revision of the last event, within `timeout` seconds. RevisionMismatch if the stream was elsewhere.

        TooLarge above 1 MiB. Repeating an append with the same event ids writes nothing and gives the same answer.
        """
        [(stream, _, events, metadata)] = await self._requests([append])
        proposed = [NewEvent(type=type_, data=data, metadata=metadata, id=id_) for id_, type_, data in events]
        with step(f"append {category_of(append.stream)}", SpanKind.CLIENT, _spanned([append])):
            try:
                await self._client.append_to_stream(
                    stream, current_version=_version(append.expected), events=proposed, timeout=timeout
                )
            except WrongCurrentVersion as error:
                raise RevisionMismatch(append.stream, append.expected) from error
        return append.expected + len(append.events)

    async def append_many(self, appends: Sequence[Append], timeout: float = 30.0) -> list[int | RevisionMismatch]:
        """Many streams in one call, each append on its own: the new revision of each, or why not, in `timeout` seconds.

        TooLarge, and nothing is written, if one of them has more than 1 MiB.

        BatchAppend carries them pipelined: an order of magnitude over one call each. If the call breaks off
        midway some appends may have happened; the same ids again settle it.
        """
        requests = await self._requests(appends)
        with step("append", SpanKind.CLIENT, _spanned(appends)):
            refused = await pipelined(self._client, requests, timeout)
        return [
            RevisionMismatch(a.stream, a.expected) if i in refused else a.expected + len(a.events)
            for i, a in enumerate(appends)
        ]

    async def read(self, stream: str, first: int = 0, limit: int | None = None) -> list[Recorded]:
        """The stream from revision `first`, oldest first; empty if it does not exist. Undecodable if it cannot be read.

        Events of types unknown to this version raise as well: a decision must not be taken on half a history.
        """
        decoded = await self.codec.decode(await self.read_stored(stream, first, limit))
        for event in decoded:
            if event is None or isinstance(event, Undecodable):
                raise event or Undecodable(f"{stream} holds an event of a newer version")
        return [event for event in decoded if isinstance(event, Recorded)]

    async def read_stored(self, stream: str, first: int = 0, limit: int | None = None) -> list[StoredEvent]:
        """As `read`, but undecoded."""
        try:
            found = await read_stream(
                self._client, stream, stream_position=first, limit=limit or sys.maxsize, timeout=READ_SECONDS
            )
        except NotFound:
            return []
        return [stored(event) for event in found]

    async def last(self, stream: str) -> StoredEvent | None:
        """The newest event of a stream, undecoded; None if there is none."""
        try:
            found = await read_stream(self._client, stream, backwards=True, limit=1, timeout=READ_SECONDS)
        except NotFound:
            return None
        return stored(found[0]) if found else None

    async def scan(
        self, after: int = 0, types: str = "", streams: str = "", newest_first: bool = False
    ) -> AsyncGenerator[StoredEvent, None]:
        """What is stored now in all streams after position `after`, oldest first; stop whenever you have seen enough.

        Only events whose type matches the regex `types`, or whose stream matches `streams` (of one event store's filter
        there can be one); without either all but the server's own.
        """
        chosen = (streams or types,) if streams or types else ()
        reading = await self._client.read_all(
            commit_position=None if newest_first else after or None,
            backwards=newest_first,
            filter_include=chosen,
            filter_by_stream_name=bool(streams),
        )
        async with aclosing(whole(reading)) as events:
            async for event in events:
                if event.commit_position is None or event.commit_position > after:
                    yield stored(event)
                elif newest_first:
                    break

    async def head(self, types: str) -> int:
        """The commit position of the newest event whose type matches the regex `types`; 0 if there is none."""
        return await newest_position(self._client, types)

    @asynccontextmanager
    async def subscribe(self, after: int | None, types: str) -> AsyncIterator[AsyncIterator[StoredEvent | None]]:
        """Events of all streams after position `after` (None: from the start) whose type matches the regex `types`.

        None is yielded whenever the subscription has caught up with the head.
        """
        subscription = await self._client.subscribe_to_all(
            commit_position=after, filter_include=(types,), include_caught_up=True
        )
        try:
            yield _unwrapped(subscription)
        finally:
            await subscription.stop()

    async def _requests(self, appends: Sequence[Append]) -> list[Request]:
        drafts = [Draft(a.stream, id_, event) for a in appends for id_, event in a.events]
        payloads = iter(await self.codec.encode(drafts))
        encoded: dict[int, bytes] = {}  # by identity: what an upload appends shares its metadata
        for metadata in (a.metadata for a in appends):
            if id(metadata) not in encoded:
                encoded[id(metadata)] = metadata.model_dump_json(exclude_none=True).encode()
        requests = [
            Request(
                a.stream,
                a.expected,
                [(id_, event.type_name, next(payloads)) for id_, event in a.events],
                encoded[id(a.metadata)],
            )
            for a in appends
        ]
        for stream, _, events, common in requests:
            check_size(stream, [(type_name, data, common) for _, type_name, data in events])
        return requests


def check_size(stream: str, events: Iterable[tuple[str, bytes, bytes]]) -> None:
    """TooLarge if type, data and metadata of the events that are to be appended at once have more than 1 MiB."""
    size = sum(len(type_name) + len(data) + len(metadata) for type_name, data, metadata in events)
    if size > MAX_APPEND_BYTES:
        raise TooLarge(stream, size, MAX_APPEND_BYTES)


async def _unwrapped(subscription: AbstractAsyncCatchupSubscription) -> AsyncIterator[StoredEvent | None]:
    async for event in subscription:
        yield None if isinstance(event, CaughtUp) else stored(event)


def _keepalive() -> tuple[tuple[str, int], ...]:
    """esdbclient's own options (keepAliveInterval in the URI) carry a name that gRPC does not know."""
    return (
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_MS),
        ("grpc.http2.ping_timeout_ms", KEEPALIVE_MS),  # else a minute, whatever the line above says
        ("grpc.http2.max_pings_without_data", 0),  # else pings end on a quiet subscription
    )


def _spanned(appends: Sequence[Append]) -> dict[str, str | int]:
    """What a span tells of them, by OpenTelemetry's database conventions."""
    several = {"db.operation.batch.size": len(appends)} if len(appends) > 1 else {}
    stream = {"vetwire.stream": appends[0].stream} if len(appends) == 1 else {}
    return {"db.system.name": "eventstoredb", "db.operation.name": "append", **several, **stream}


def _version(expected: int) -> int | StreamState:
    return StreamState.NO_STREAM if expected == NO_STREAM else expected


def stored(event: RecordedEvent) -> StoredEvent:
    """esdbclient's record as ours."""
    return StoredEvent(
        event.id,
        event.type,
        event.stream_name,
        event.stream_position,
        event.commit_position or 0,
        event.data,
        event.metadata,
    )
