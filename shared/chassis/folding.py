"""Documents folded in memory: those whose key hashes into a part of the whole, no more of them than fit."""

from dataclasses import dataclass
from zlib import crc32

from shared.chassis.codec import Undecodable
from shared.chassis.documents import AnyProjection, Folded
from shared.chassis.event_store import NO_STREAM
from shared.chassis.parking import BEHIND
from shared.events.base import Event
from shared.events.envelope import StoredEvent

FULL = 2**32
"""The hashes of streams lie in [0, FULL)."""


@dataclass(frozen=True, slots=True)
class Rest:
    """An event that could not simply be folded: earlier ones are missing, or (`error`) its handler failed."""

    document: Folded
    event: StoredEvent
    error: str | None


class Part:
    """The documents of the streams whose hash is in [low, high). When there are more than `limit`, high comes down.

    What is left out then is the next part's. So memory is bounded by `limit` documents and one batch of events, and
    history is read once for each part.
    """

    def __init__(self, projection: AnyProjection, low: int, high: int, limit: int) -> None:
        self.low = low
        self.high = high
        self.documents: dict[str, Folded] = {}
        self.stuck: set[str] = set()
        self._projection = projection
        self._limit = limit

    def holds(self, stream: str) -> bool:
        """Whether the stream's document belongs to this part."""
        return self.high - self.low == FULL or self.low <= crc32(stream.encode()) < self.high

    def take(self, stored: StoredEvent, event: Event | Undecodable | None) -> Rest | None:
        """Fold the event into its document, unless that has seen it; what needs more than that comes back."""
        document = self.documents.get(stored.stream)
        if document is None:
            document = self.documents[stored.stream] = Folded(stored.stream, NO_STREAM, NO_STREAM, None)
        if stored.revision <= document.revision:
            return None
        if stored.stream in self.stuck:
            return Rest(document, stored, BEHIND)
        if stored.revision > document.revision + 1:
            return Rest(document, stored, None)
        error = document.take(self._projection, stored.revision, event)
        return None if error is None else Rest(document, stored, error)

    def shrink(self) -> None:
        """Leave the upper half to a later part, again and again, until the documents fit."""
        while len(self.documents) > self._limit and self.high - self.low > 1:
            self.high = (self.low + self.high + 1) // 2
            self.documents = {stream: kept for stream, kept in self.documents.items() if self.holds(stream)}
