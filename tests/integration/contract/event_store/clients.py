"""One face for esdbclient's two clients, so that each test is written once and runs through both."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from anyio.from_thread import BlockingPortal
from esdbclient import AsyncEventStoreDBClient, EventStoreDBClient, NewEvent, RecordedEvent, StreamState

Version = int | StreamState

CALL_SECONDS = 10.0
"""How long a call or a subscription may last before the test fails."""


def new_event(type_: str = "Happened", data: bytes = b"{}", **more: Any) -> NewEvent:
    return NewEvent(type=type_, data=data, **more)


def new_events(count: int, type_: str = "Happened") -> list[NewEvent]:
    return [new_event(type_, b'{"n": %d}' % n) for n in range(count)]


def unique_type() -> str:
    """An event type nobody else writes, to find one's own events in `$all`."""
    return f"Contract{secrets.token_hex(8)}"


class Client(Protocol):
    """What the tests need of a client. Errors are esdbclient's."""

    def append(
        self, stream: str, expected: Version, events: NewEvent | Sequence[NewEvent], timeout: float = CALL_SECONDS
    ) -> int: ...
    def read(self, stream: str, **options: Any) -> Sequence[RecordedEvent]: ...
    def read_all(self, **options: Any) -> Sequence[RecordedEvent]: ...
    def version(self, stream: str) -> Version: ...
    def commit_position(self) -> int: ...
    def delete(self, stream: str, expected: Version) -> None: ...
    def tombstone(self, stream: str, expected: Version) -> None: ...
    def metadata(self, stream: str) -> tuple[dict[str, Any], Version]: ...
    def set_metadata(self, stream: str, metadata: dict[str, Any], expected: Version = StreamState.ANY) -> None: ...
    def subscribe_all(self, **options: Any) -> "Subscription": ...
    def subscribe(self, stream: str, **options: Any) -> "Subscription": ...


class Subscription(Iterator[RecordedEvent]):
    """Gives events until it is stopped; use it in a `with`."""

    def __init__(self, following: Callable[[], RecordedEvent], stop: Callable[[], object]) -> None:
        self._following = following
        self._stop = stop

    def __next__(self) -> RecordedEvent:
        return self._following()

    def take(self, count: int) -> list[RecordedEvent]:
        return [next(self) for _ in range(count)]

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()


class SyncClient:
    """Appends one event by Append and a list by BatchAppend."""

    def __init__(self, client: EventStoreDBClient) -> None:
        self._client = client

    def append(
        self, stream: str, expected: Version, events: NewEvent | Sequence[NewEvent], timeout: float = CALL_SECONDS
    ) -> int:
        return self._client.append_to_stream(stream, current_version=expected, events=events, timeout=timeout)

    def read(self, stream: str, **options: Any) -> Sequence[RecordedEvent]:
        return self._client.get_stream(stream, timeout=CALL_SECONDS, **options)

    def read_all(self, **options: Any) -> Sequence[RecordedEvent]:
        return list(self._client.read_all(timeout=CALL_SECONDS, **options))

    def version(self, stream: str) -> Version:
        return self._client.get_current_version(stream, timeout=CALL_SECONDS)

    def commit_position(self) -> int:
        return self._client.get_commit_position(timeout=CALL_SECONDS)

    def delete(self, stream: str, expected: Version) -> None:
        self._client.delete_stream(stream, current_version=expected, timeout=CALL_SECONDS)

    def tombstone(self, stream: str, expected: Version) -> None:
        self._client.tombstone_stream(stream, current_version=expected, timeout=CALL_SECONDS)

    def metadata(self, stream: str) -> tuple[dict[str, Any], Version]:
        return self._client.get_stream_metadata(stream, timeout=CALL_SECONDS)

    def set_metadata(self, stream: str, metadata: dict[str, Any], expected: Version = StreamState.ANY) -> None:
        self._client.set_stream_metadata(stream, metadata=metadata, current_version=expected, timeout=CALL_SECONDS)

    def subscribe_all(self, **options: Any) -> Subscription:
        found = self._client.subscribe_to_all(timeout=CALL_SECONDS, **options)
        return Subscription(found.__next__, found.stop)

    def subscribe(self, stream: str, **options: Any) -> Subscription:
        found = self._client.subscribe_to_stream(stream, timeout=CALL_SECONDS, **options)
        return Subscription(found.__next__, found.stop)


class AsyncClient:
    """Appends everything by BatchAppend. Its coroutines run on a loop in another thread."""

    def __init__(self, client: AsyncEventStoreDBClient, portal: BlockingPortal) -> None:
        self._client = client
        self._portal = portal

    def append(
        self, stream: str, expected: Version, events: NewEvent | Sequence[NewEvent], timeout: float = CALL_SECONDS
    ) -> int:
        return self._portal.call(
            lambda: self._client.append_to_stream(stream, current_version=expected, events=events, timeout=timeout)
        )

    def read(self, stream: str, **options: Any) -> Sequence[RecordedEvent]:
        return self._portal.call(lambda: self._client.get_stream(stream, timeout=CALL_SECONDS, **options))

    def read_all(self, **options: Any) -> Sequence[RecordedEvent]:
        async def read() -> Sequence[RecordedEvent]:
            return [event async for event in await self._client.read_all(timeout=CALL_SECONDS, **options)]

        return self._portal.call(read)

    def version(self, stream: str) -> Version:
        return self._portal.call(lambda: self._client.get_current_version(stream, timeout=CALL_SECONDS))

    def commit_position(self) -> int:
        return self._portal.call(lambda: self._client.get_commit_position(timeout=CALL_SECONDS))

    def delete(self, stream: str, expected: Version) -> None:
        self._portal.call(lambda: self._client.delete_stream(stream, current_version=expected, timeout=CALL_SECONDS))

    def tombstone(self, stream: str, expected: Version) -> None:
        self._portal.call(lambda: self._client.tombstone_stream(stream, current_version=expected, timeout=CALL_SECONDS))

    def metadata(self, stream: str) -> tuple[dict[str, Any], Version]:
        found: tuple[dict[str, Any], Version] = self._portal.call(
            lambda: self._client.get_stream_metadata(stream, timeout=CALL_SECONDS)
        )
        return found

    def set_metadata(self, stream: str, metadata: dict[str, Any], expected: Version = StreamState.ANY) -> None:
        self._portal.call(
            lambda: self._client.set_stream_metadata(
                stream, metadata=metadata, current_version=expected, timeout=CALL_SECONDS
            )
        )

    def subscribe_all(self, **options: Any) -> Subscription:
        found = self._portal.call(lambda: self._client.subscribe_to_all(timeout=CALL_SECONDS, **options))
        return Subscription(lambda: self._portal.call(found.__anext__), lambda: self._portal.call(found.stop))

    def subscribe(self, stream: str, **options: Any) -> Subscription:
        found = self._portal.call(lambda: self._client.subscribe_to_stream(stream, timeout=CALL_SECONDS, **options))
        return Subscription(lambda: self._portal.call(found.__anext__), lambda: self._portal.call(found.stop))
