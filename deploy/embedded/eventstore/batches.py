"""The events of one append while they arrive, whichever call brings them."""

from collections.abc import Iterable

from deploy.embedded.eventstore.decision import ANY, EXISTS, NO_STREAM
from deploy.embedded.eventstore.errors import MAX_APPEND_BYTES, InvalidRequestError, TooBigError
from deploy.embedded.eventstore.wire import Proposed, ProposedMessage, proposed_event


class Batch:
    """Keeps no event of an append that is too big."""

    __slots__ = ("events", "size")

    def __init__(self) -> None:
        self.events: list[Proposed] = []
        self.size = 0

    def add(self, messages: Iterable[ProposedMessage]) -> None:
        """Errors: TooBigError, InvalidRequestError."""
        for message in messages:
            event = proposed_event(message)
            self.size += event.size
            if self.size > MAX_APPEND_BYTES:
                self.events.clear()
                raise TooBigError
            self.events.append(event)


def expected_version(which: str | None, revision: int) -> int:
    """Errors: InvalidRequestError if the request expects nothing at all."""
    match which:
        case "revision" | "stream_position":
            return revision
        case "no_stream":
            return NO_STREAM
        case "any":
            return ANY
        case "stream_exists":
            return EXISTS
        case _:
            raise InvalidRequestError("the request does not say which version it expects")
