"""The events of one append while they arrive, whichever call brings them."""

from collections.abc import Iterable

from deploy.embedded.eventstore.decision import ANY, EXISTS, NO_STREAM
from deploy.embedded.eventstore.errors import MAX_APPEND_BYTES, InvalidRequestError, QueueFullError, TooBigError
from deploy.embedded.eventstore.wire import Proposed, ProposedMessage, proposed_event

HALF_SENT_BYTES = 64 * 2**20
EVENT_BYTES = 512
"""What an event takes in memory beside its own bytes."""


class Batch:
    """Keeps no event of an append that is too big."""

    __slots__ = ("events", "size")

    def __init__(self) -> None:
        self.events: list[Proposed] = []
        self.size = 0

    @property
    def weight(self) -> int:
        """About how many bytes of memory it takes."""
        return self.size + EVENT_BYTES * len(self.events)

    def add(self, messages: Iterable[ProposedMessage]) -> None:
        """Errors: TooBigError, InvalidRequestError."""
        for message in messages:
            event = proposed_event(message)
            self.size += event.size
            if self.size > MAX_APPEND_BYTES:
                self.events.clear()
                raise TooBigError
            self.events.append(event)


class Room:
    """Memory for appends that are half sent, shared by all calls: their clients may never finish them."""

    def __init__(self) -> None:
        self._taken = 0

    def take(self, weight: int) -> int:
        """Errors: QueueFullError, and then nothing was taken."""
        if self._taken + weight > HALF_SENT_BYTES:
            raise QueueFullError
        self._taken += weight
        return weight

    def give_back(self, weight: int) -> None:
        self._taken -= weight


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
