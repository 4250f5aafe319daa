"""Rows of newline-delimited JSON: one object a line, with the same field names as the CSV file's columns."""

from collections.abc import AsyncIterator
from typing import Any

import orjson

from pims_sync.intake.lines import LONGEST_LINE, line_blocks
from pims_sync.intake.rows import EMPTY_FILE, FileRefused, Item, Row, Unreadable, matched_columns
from pims_sync.vendors.profile import Layout

_TOO_LONG = Unreadable(0, "row-too-long", f"More than {LONGEST_LINE // 1024} kB.")
_MALFORMED = Unreadable(0, "malformed-json", "Not a JSON object in UTF-8.")
_NESTED = Unreadable(0, "wrong-type", "A field holds a list or an object.")


async def ndjson_rows(chunks: AsyncIterator[bytes], layout: Layout) -> AsyncIterator[list[Item]]:
    """The rows in batches as they arrive. FileRefused before the first row, or never.

    The first object shows which fields the file has: those that are required must be in it.
    """
    number, checked = 0, False
    async for lines in line_blocks(chunks):
        items: list[Item] = []
        for line in lines:
            number += 1
            if line is None or line.strip():
                found = _object(line)
                if not checked and isinstance(found, dict):
                    matched_columns(layout, list(found))
                    checked = True
                items.append(_item(found, number, layout))
        if items and not checked:
            raise FileRefused("missing-columns", "The first line is no JSON object that could show the fields.")
        yield items
    if not checked:
        raise FileRefused(*EMPTY_FILE)


def _object(line: bytes | None) -> dict[str, Any] | Unreadable:
    if line is None:
        return _TOO_LONG
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _MALFORMED
    return found if isinstance(found, dict) else _MALFORMED


def _item(found: dict[str, Any] | Unreadable, number: int, layout: Layout) -> Item:
    if isinstance(found, Unreadable):
        return found._replace(line=number)
    if any(isinstance(value, dict | list) for value in found.values()):
        return _NESTED._replace(line=number)
    named = {name.strip().casefold(): _text(value) for name, value in found.items()}
    return Row(number, tuple(_cell(named, spellings) for spellings in layout.columns.values()))


def _cell(named: dict[str, str], spellings: tuple[str, ...]) -> str:
    return next((named[name] for name in map(str.casefold, spellings) if name in named), "")


def _text(value: Any) -> str:
    """A number as it would stand in a CSV cell; null is an empty one."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
