"""What the write side answers when it does not do what was asked."""


class Refused(Exception):
    """The domain said no. `code` (kebab case) is part of the public API; the text is not."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or code)
        self.code = code


class TooLarge(Exception):
    """The events of one append have more bytes than a store takes: asking again would not change it."""

    def __init__(self, stream: str, size: int, limit: int) -> None:
        super().__init__(f"{size} bytes for {stream} are more than {limit}")


class RevisionMismatch(Exception):
    """A stream is not at the revision the writer counted on.

    Revisions count events from 0; `actual` is None when the store did not say.
    """

    def __init__(self, stream: str, expected: int, actual: int | None = None) -> None:
        super().__init__(f"stream {stream} is at {actual}, not at {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual
