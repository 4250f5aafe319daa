"""Request bodies read as a stream, with limits: nothing is ever held whole (design 15)."""

from collections.abc import AsyncIterator

from fastapi import Request

from shared.chassis.body_limit import too_large, widen
from shared.chassis.problems import Problem

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


async def chunks(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """The body as it arrives; `max_bytes` replaces the process-wide limit. Beyond it: 413 `content-too-large`."""
    widen(request.scope, max_bytes)
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > max_bytes:
        raise too_large()
    async for chunk in request.stream():
        if chunk:
            yield chunk


async def lines(request: Request, max_bytes: int, max_line_bytes: int) -> AsyncIterator[tuple[int, bytes]]:
    """Line numbers from 1 and lines without their end (LF or CRLF); a byte order mark before the first is removed.

    Problem 413 `content-too-large`, or `line-too-long` (with `line`) beyond `max_line_bytes` without the line end.
    A line end inside a quoted CSV field is not known here: for CSV take `chunks`.
    """
    number = 0
    rest = b""
    async for chunk in chunks(request, max_bytes):
        *complete, rest = (rest + chunk).split(b"\n")
        for raw in complete:
            number += 1
            yield number, _line(number, raw.removesuffix(b"\r"), max_line_bytes)
        _line(number + 1, rest.removesuffix(b"\r"), max_line_bytes)
    if rest:
        yield number + 1, _line(number + 1, rest.removesuffix(b"\r"), max_line_bytes)


def _line(number: int, raw: bytes, max_line_bytes: int) -> bytes:
    line = raw.removeprefix(BYTE_ORDER_MARK) if number == 1 else raw
    if len(line) > max_line_bytes:
        raise Problem(413, "line-too-long", "A line of the upload is too long.", line=number)
    return line
