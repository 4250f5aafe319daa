"""What a file is taken apart into, whatever its format."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pims_sync.vendors.profile import Layout


class Row(NamedTuple):
    """The cells of the layout's columns, in its order, as they stand in the file; "" for a column that it lacks.

    `line` counts from 1, the header included; a row that spans several lines has the number of its first.
    """

    line: int
    cells: tuple[str, ...]


class Unreadable(NamedTuple):
    """A piece of the file that is no row: it is rejected, and what follows is read."""

    line: int
    code: str
    reason: str


Item = Row | Unreadable


class FileRefused(Exception):
    """The file as a whole is not what it must be; nothing of it was read."""

    def __init__(self, code: str, reason: str, **extensions: Any) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason
        self.extensions = extensions


EMPTY_FILE = "empty-file", "The file holds nothing, not even a header."


def matched_columns(layout: Layout, header: Sequence[str]) -> list[int | None]:
    """For each column of the layout the index of its spelling in `header`, or None. Unknown columns are no matter.

    FileRefused: `duplicate-columns`, `missing-columns`.
    """
    found = [name.strip().casefold() for name in header]
    places = [_place(spellings, found) for spellings in layout.columns.values()]
    missing = [
        spellings[0]
        for (name, spellings), place in zip(layout.columns.items(), places, strict=True)
        if place is None and name in layout.required
    ]
    if missing:
        raise FileRefused("missing-columns", "The file lacks columns that it must have.", columns=missing)
    return places


def _place(spellings: Sequence[str], found: Sequence[str]) -> int | None:
    wanted = {spelling.casefold() for spelling in spellings}
    places = [index for index, name in enumerate(found) if name in wanted]
    if len(places) > 1:
        raise FileRefused("duplicate-columns", "A column appears twice.", columns=[spellings[0]])
    return places[0] if places else None
