"""How a row says that it cannot be taken."""


class Rejected(Exception):
    """A field of a row is not what it must be. `field` is the column's name; the text never repeats the value."""

    def __init__(self, field: str | None, code: str, reason: str) -> None:
        super().__init__(code)
        self.field = field
        self.code = code
        self.reason = reason
