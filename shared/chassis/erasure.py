"""When a person's key is gone, what views and outbox hold of them in clear goes too (design 6, security C.8)."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from shared.chassis import clock, event_store, mongo, outbox
from shared.chassis.codec import Codec
from shared.chassis.crash_points import Point, passing
from shared.chassis.logs import told
from shared.chassis.maintaining import Maintained
from shared.chassis.mongo import Database, journaled
from shared.chassis.projections import Arrival
from shared.events.base import Event

SWEEP_SECONDS = 30.0
SWEEP_FOR = timedelta(minutes=10)
log = structlog.get_logger(__name__)


class Eraser:
    """Folds anew at once, and again for ten minutes: another worker may have read with a key it still remembered."""

    def __init__(self, db: Database, codec: Codec, maintained: Maintained) -> None:
        self._db = db
        self._erasures = journaled(db["erasures"])
        self._codec = codec
        self._maintained = maintained

    async def apply(self, window: Sequence[Arrival]) -> None:
        """After the window's events were folded: the subjects that they erase."""
        for arrival in window:
            if isinstance(arrival.event, Event) and (subject := arrival.event.erases):
                row = {"$setOnInsert": {"at": clock.now()}}
                await self._erasures.update_one({"_id": subject}, row, upsert=True)
                passing(Point.AFTER_ERASURE_NOTED_BEFORE_FOLD)
                await self._erase(subject)
                log.info("erased from views and outbox", event_id=str(arrival.stored.id))

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            try:
                async for row in self._erasures.find({"at": {"$gt": clock.now() - SWEEP_FOR}}):
                    async with self._maintained.window():
                        await self._erase(row["_id"])
            except (*mongo.INFRASTRUCTURE_ERRORS, *event_store.INFRASTRUCTURE_ERRORS) as error:
                log.warning("sweep waits", error=told(error))
            await asyncio.sleep(SWEEP_SECONDS)

    async def _erase(self, subject: str) -> None:
        self._codec.forget(subject)
        await outbox.erase(self._db, subject)
        for projector in self._maintained.projectors:
            await projector.fold_anew(subject)
