"""Rows of a CSV file (RFC 4180) that is read as a stream and may be broken anywhere.

What is broken costs its own row and no other: an unclosed quote does not swallow the rows behind it.
"""

import csv
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from operator import itemgetter

from pims_sync.intake.lines import LONGEST_LINE, line_blocks
from pims_sync.intake.rows import EMPTY_FILE, FileRefused, Item, Row, Unreadable, matched_columns
from pims_sync.vendors.profile import Layout

MOST_LINES = 100
"""A quoted cell may hold line ends, up to this many in a row; beyond that its quote was never closed."""
_TOO_LONG = Unreadable(0, "row-too-long", f"More than {LONGEST_LINE // 1024} kB.")
_UNCLOSED = Unreadable(0, "unclosed-quote", "A quote was opened and never closed.")
_MALFORMED = Unreadable(0, "malformed-csv", "Not a row of a CSV file.")
_NOT_TEXT = Unreadable(0, "unknown-encoding", "Not UTF-8, nor what this vendor's systems write.")

Record = tuple[int, list[str]] | Unreadable


async def csv_rows(
    chunks: AsyncIterator[bytes], layout: Layout, fallback_encoding: str | None
) -> AsyncIterator[list[Item]]:
    """The rows in batches as they arrive. FileRefused before the first row, or never."""
    records = _Records(fallback_encoding)
    read: _Table | None = None
    async for lines in line_blocks(chunks):
        found = records.feed(lines)
        if read is None and found:
            read = _Table(layout, found.pop(0))
        yield read.items(found) if read else []
    found = records.close()
    if read is None:
        if not found:
            raise FileRefused(*EMPTY_FILE)
        read = _Table(layout, found.pop(0))
    yield read.items(found)


class _Table:
    """Cells by the layout's columns, once the header is known."""

    def __init__(self, layout: Layout, header: Record) -> None:
        if isinstance(header, Unreadable):
            raise FileRefused("unreadable-header", header.reason)
        self._header = header[1]
        places = matched_columns(layout, self._header)
        # A column that the file lacks reads the empty cell that is put behind every row.
        self._cells: Callable[[list[str]], tuple[str, ...]] = itemgetter(*(-1 if p is None else p for p in places))

    def items(self, records: Iterable[Record]) -> list[Item]:
        return [record if isinstance(record, Unreadable) else self._item(*record) for record in records]

    def _item(self, line: int, cells: list[str]) -> Item:
        if len(cells) != len(self._header):
            expected = len(self._header)
            return Unreadable(line, "wrong-columns", f"{len(cells)} cells where the header has {expected}.")
        if cells == self._header:
            return Unreadable(line, "repeated-header", "The header again: two files were joined.")
        cells.append("")
        return Row(line, self._cells(cells))


class _Records:
    """From lines to records. Lines of a record that is still open are held until it is closed or given up."""

    def __init__(self, fallback_encoding: str | None) -> None:
        self._fallback = fallback_encoding
        self._held: list[str] = []
        self._line = 1

    def feed(self, lines: Sequence[bytes | None]) -> list[Record]:
        """The records that these lines complete."""
        texts = _all_decoded(lines)
        if texts is None:
            return [record for line in lines for record in self._one(line)]
        self._held += texts
        return list(self._read(last=False))

    def close(self) -> list[Record]:
        """What is left at the end of the file."""
        return list(self._read(last=True))

    def _one(self, raw: bytes | None) -> Iterator[Record]:
        text = None if raw is None else self._decoded(raw)
        if text is not None:
            self._held.append(text)
            yield from self._read(last=False)
            return
        yield from self._read(last=True)
        yield (_TOO_LONG if raw is None else _NOT_TEXT)._replace(line=self._line)
        self._line += 1

    def _decoded(self, raw: bytes) -> str | None:
        for encoding in ("utf-8", self._fallback):
            try:
                return raw.decode(encoding) if encoding else None
            except UnicodeDecodeError:
                continue
        return None

    def _read(self, last: bool) -> Iterator[Record]:
        lines, at = self._held, 0
        while at < len(lines):
            start = at
            reader = csv.reader((f"{lines[i]}\n" for i in range(at, len(lines))), strict=True)
            try:
                for cells in reader:
                    if cells:
                        yield self._sized(start, at + reader.line_num, cells)
                    start = at + reader.line_num
                at = len(lines)
            except csv.Error as error:
                is_open = "unexpected end" in str(error)
                if is_open and not last and self._may_go_on(start):
                    at = start
                    break
                yield (_UNCLOSED if is_open else _MALFORMED)._replace(line=self._line + start)
                at = start + 1
        self._held = lines[at:]
        self._line += at

    def _sized(self, start: int, end: int, cells: list[str]) -> Record:
        if end - start > 1 and sum(map(len, cells)) > LONGEST_LINE:
            return _TOO_LONG._replace(line=self._line + start)
        return self._line + start, cells

    def _may_go_on(self, start: int) -> bool:
        held = self._held[start:]
        return len(held) <= MOST_LINES and sum(map(len, held)) <= LONGEST_LINE


def _all_decoded(lines: Sequence[bytes | None]) -> list[str] | None:
    """Decoded in one call, which is ten times as fast; None if a line needs a second look."""
    whole = [line for line in lines if line is not None]
    if len(whole) != len(lines):
        return None
    try:
        return b"\n".join(whole).decode().split("\n") if whole else []
    except UnicodeDecodeError:
        return None
