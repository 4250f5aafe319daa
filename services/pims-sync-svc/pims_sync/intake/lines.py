"""The lines of an upload, as they arrive; never more of it than one network chunk and one line is held."""

from collections.abc import AsyncIterator

from pims_sync.intake.rows import FileRefused

LONGEST_LINE = 64 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SNIFFED = 4
_FOREIGN = {
    b"\x1f\x8b": "compressed (gzip)",
    b"PK\x03\x04": "an archive or a workbook",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"%PDF": "a PDF",
}


async def line_blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes | None]]:
    """Lists of whole lines without their LF; None stands for a line longer than 64 kB, whose content is dropped.

    FileRefused: `not-text`.
    """
    rest, skipping = b"", False
    async for chunk in _checked(chunks):
        lines: list[bytes | None] = list((rest + chunk).split(b"\n"))
        rest = lines.pop() or b""
        if skipping and lines:
            lines[0], skipping = None, False
        if skipping or len(rest) > LONGEST_LINE:
            rest, skipping = b"", True
        yield [line if line is not None and len(line) <= LONGEST_LINE else None for line in lines]
    if rest or skipping:
        yield [None if skipping else rest]


async def _checked(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes without a byte order mark, once they are known to be text."""
    head = b""
    async for chunk in chunks:
        if len(head) < _SNIFFED:
            head += chunk
            if len(head) >= _SNIFFED:
                yield _text(head)
        else:
            yield chunk
    if len(head) < _SNIFFED:
        yield _text(head)


def _text(head: bytes) -> bytes:
    for mark, what in _FOREIGN.items():
        if head.startswith(mark):
            raise FileRefused("not-text", f"This is {what}; send plain text in UTF-8.")
    return head.removeprefix(_BYTE_ORDER_MARK)
