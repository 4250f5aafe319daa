"""Request bodies read as a stream, with limits: nothing is ever held whole (design 15)."""

from collections.abc import AsyncIterator

from fastapi import Request


def chunks(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """The body as it arrives. Problem 413 `content-too-large` beyond `max_bytes`."""
    raise NotImplementedError


def lines(request: Request, max_bytes: int, max_line_bytes: int) -> AsyncIterator[tuple[int, bytes]]:
    """Line numbers from 1 and lines without their end (LF or CRLF); a byte order mark before the first is removed.

    Problem 413 `content-too-large` or `line-too-long`.
    """
    raise NotImplementedError
