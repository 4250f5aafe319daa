"""The cells of one row as clean text, and the few kinds of value that any of them may hold."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from pims_sync.vendors.rejection import Rejected

LONGEST_TEXT = 200
LONGEST_ID = 64
PADDING = "\0\ufeff" + "".join(char for char in map(chr, range(0x3001)) if char.isspace())
"""What is cut off at both ends of a cell: white space of any script, and what fixed-length records are filled with."""

_FLAGS = {
    **dict.fromkeys(("", "0", "n", "no", "f", "false"), False),
    **dict.fromkeys(("1", "-1", "y", "yes", "t", "true", "x"), True),
}


class Fields:
    """One row. `spelling` gives the column's name in the file for our name of it."""

    __slots__ = ("_cells", "_spelling")

    def __init__(self, names: Sequence[str], cells: Sequence[str], spelling: Mapping[str, str]) -> None:
        self._cells = dict(zip(names, cells, strict=True))
        self._spelling = spelling

    def rejected(self, name: str, code: str, reason: str) -> Rejected:
        """The refusal of a cell, to be raised."""
        return Rejected(self._spelling[name], code, reason)

    def text(self, name: str) -> str | None:
        """The cell without padding; None if nothing is left. Rejected: `too-long`, `nul-character`."""
        cell = self._cells[name]
        if not cell or not (cell := cell.strip(PADDING)):
            return None
        if len(cell) > LONGEST_TEXT:
            raise self.rejected(name, "too-long", f"More than {LONGEST_TEXT} characters.")
        if "\0" in cell:
            raise self.rejected(name, "nul-character", "A NUL character within the text.")
        return cell

    def id(self, name: str) -> str | None:
        """The cell as an id of the PIMS, percent-encoded; case and leading zeros count. Rejected: `too-long`."""
        text = self.text(name)
        if text is None or (text.isalnum() and text.isascii() and len(text) <= LONGEST_ID):
            return text
        if len(text) > LONGEST_ID:
            raise self.rejected(name, "too-long", f"More than {LONGEST_ID} characters.")
        return quote(text, safe="")

    def flag(self, name: str) -> bool:
        """Y/N, 1/0, true/false, -1 for true; empty is no. Rejected: `not-a-flag`."""
        cell = self._cells[name]
        if not cell:
            return False
        known = _FLAGS.get(cell.strip(PADDING).lower())
        if known is None:
            raise self.rejected(name, "not-a-flag", "Neither yes nor no.")
        return known
