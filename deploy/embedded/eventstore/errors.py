"""Refusals, and how they look on the wire.

Clients match substrings of these texts, so they are kept byte for byte; trailers are for other clients.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import quote

import grpc

MAX_APPEND_BYTES = 1024 * 1024

T = TypeVar("T")
Handler = Callable[[Any, Any], Awaitable[T]]


class RefusedError(Exception):
    """Ends a call with a status. A subclass is one reason; `trailers` are for machines."""

    code: Any = grpc.StatusCode.INVALID_ARGUMENT

    def __init__(self, text: str, **trailers: object) -> None:
        super().__init__(text)
        # Names of trailers have dashes; their values must be ASCII, so they are percent-encoded.
        self.trailers = tuple(
            (name.replace("_", "-"), quote(str(value), safe="$-_.:/@ ")) for name, value in trailers.items()
        )


class InvalidRequestError(RefusedError):
    """The request cannot be understood; the text says why."""


class MissingMetadataError(InvalidRequestError):
    """A proposed event lacks a metadata entry that every event has."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Required Metadata Property '{name}' is missing", exception="missing-required-metadata-property"
        )


class TooBigError(RefusedError):
    """The events of one append exceed MAX_APPEND_BYTES."""

    def __init__(self) -> None:
        super().__init__(
            f"Maximum Append Size of {MAX_APPEND_BYTES} Exceeded.",
            exception="maximum-append-size-exceeded",
            maximum_append_size=MAX_APPEND_BYTES,
        )


class StreamDeletedError(RefusedError):
    """The stream has a tombstone, or it is soft-deleted and was expected to exist."""

    code = grpc.StatusCode.FAILED_PRECONDITION

    def __init__(self, stream: str) -> None:
        super().__init__(f"Event stream '{stream}' is deleted.", exception="stream-deleted", stream_name=stream)


class WrongVersionError(RefusedError):
    """Of a delete or a tombstone; both say Delete."""

    code = grpc.StatusCode.FAILED_PRECONDITION

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(
            f"Delete failed due to WrongExpectedVersion. Stream: {stream}, "
            f"Expected version: {expected}, Actual version: {actual}",
            exception="wrong-expected-version",
            stream_name=stream,
            expected_version=expected,
            actual_version=actual,
        )


class TooLateError(RefusedError):
    code = grpc.StatusCode.DEADLINE_EXCEEDED

    def __init__(self) -> None:
        super().__init__("the deadline passed before the write")


class StorageFailedError(RefusedError):
    code = grpc.StatusCode.UNKNOWN

    def __init__(self, reason: str) -> None:
        super().__init__(f"the storage failed: {reason}")


class QueueFullError(RefusedError):
    """Too many requests wait for the disk; nothing was queued."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED

    def __init__(self) -> None:
        super().__init__("too many requests wait for the disk, try again later")


class ClosedError(RefusedError):
    code = grpc.StatusCode.UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("the server is shutting down")


def refusing(handler: Handler[T]) -> Handler[T]:
    """Turn a RefusedError of a handler into the status of its call."""

    @wraps(handler)
    async def call(request: Any, context: Any) -> T:
        try:
            return await handler(request, context)
        except RefusedError as error:
            await context.abort(error.code, str(error), error.trailers)
            raise

    return call
