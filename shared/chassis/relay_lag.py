"""How far a relay is behind the store: measured beside it, so that a relay that stands still does not hide it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from shared.chassis import clock, event_store, metrics
from shared.chassis.event_store import EventStore
from shared.events.envelope import Metadata, StoredEvent

MEASURE_SECONDS = 5.0
_PATIENCE = 10.0
_GAUGES = (
    metrics.RELAY_LAG_EVENTS,
    metrics.RELAY_LAG_SECONDS,
    metrics.RELAY_POSITION,
    metrics.RELAY_HEAD,
)


class RelayLag:
    """The gauges of the relay that leads; whoever does not lead tells only that, and nothing that was once true."""

    def __init__(self, service: str, store: EventStore, types: str) -> None:
        self._service = service
        self._store = store
        self._types = types
        self._position = 0
        self._in_hand: StoredEvent | None = None
        self._waiting = 0
        self._behind_since: datetime | None = None
        metrics.RELAY_LEADING.labels(service).set(0)

    def start(self, after: int | None) -> None:
        """This relay leads now, and everything up to the position `after` is published; None: nothing is."""
        self._position, self._in_hand, self._waiting, self._behind_since = after or 0, None, 0, None
        metrics.RELAY_LEADING.labels(self._service).set(1)

    def stop(self) -> None:
        """It does not lead any more: what it measured is another's to tell."""
        metrics.RELAY_LEADING.labels(self._service).set(0)
        for gauge in _GAUGES:
            with suppress(KeyError):
                gauge.remove(self._service)

    def publishing(self, window: Sequence[StoredEvent], queued: int) -> None:
        """These are on their way to the broker; `queued` more were read from the store."""
        self._in_hand, self._waiting = window[0], len(window) + queued

    def published(self, position: int, queued: int) -> None:
        """Everything up to the position is safely there."""
        self._position, self._in_hand, self._waiting = position, None, queued

    async def run(self) -> None:
        """Measure every 5 s until cancelled. A store that does not answer leaves the gauges as they were."""
        while True:
            with suppress(*event_store.INFRASTRUCTURE_ERRORS):
                await self.measure()
            await asyncio.sleep(MEASURE_SECONDS)

    async def measure(self) -> None:
        """Set the gauges. Raises `event_store.INFRASTRUCTURE_ERRORS`."""
        async with asyncio.timeout(_PATIENCE):
            head = await self._store.head(self._types)
        if head <= self._position:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = clock.now()
        metrics.RELAY_POSITION.labels(self._service).set(self._position)
        metrics.RELAY_HEAD.labels(self._service).set(max(head, self._position))
        metrics.RELAY_LAG_EVENTS.labels(self._service).set(self._waiting)
        metrics.RELAY_LAG_SECONDS.labels(self._service).set(self._seconds())

    def _seconds(self) -> float:
        """The age of the oldest event that waits; of one not even read, how long it has been known to be there."""
        if self._behind_since is None:
            return 0.0
        since = self._behind_since
        if self._in_hand is not None:
            with suppress(ValueError):
                since = Metadata.model_validate_json(self._in_hand.metadata).recorded_at
        return max(0.0, (clock.now() - since).total_seconds())
