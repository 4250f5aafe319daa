"""What a worker writes to: a projector for each version of each view (ADR 15)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic

import structlog

from shared.chassis import clock, mongo
from shared.chassis.documents import AnyProjection
from shared.chassis.event_store import EventStore
from shared.chassis.logs import told
from shared.chassis.mongo import Database
from shared.chassis.parking import Parking
from shared.chassis.projections import Projector
from shared.chassis.versions import Control, controls, initial

WORKERS = "view_workers"
KNOWLEDGE_SECONDS = 1.0
HOLD_SECONDS = 10.0
"""An operator who asks for silence has this long; one who dies meanwhile costs no more."""
_REFRESH_SECONDS = 0.4
_SAY_SECONDS = 2.0
_HELD_SECONDS = 0.05
log = structlog.get_logger(__name__)


class Maintained:
    """The projectors of one worker. No window begins on knowledge of the versions that is older than a second."""

    def __init__(
        self,
        service: str,
        projections: Sequence[AnyProjection],
        db: Database,
        store: EventStore,
        parking: Parking,
        member: str,
    ) -> None:
        self.projectors: tuple[Projector, ...] = ()
        self._service = service
        self._views = {projection.collection: projection for projection in projections}
        self._db = db
        self._store = store
        self._parking = parking
        self._member = member
        self._known: dict[str, Control] = {}
        self._read_at = float("-inf")
        self._seen: dict[str, int] = {}
        self._said: tuple[dict[str, int], float] = ({}, float("-inf"))
        self._holds: dict[str, float] = {}
        self._windows = 0
        self._is_worker = False
        self._adopt({})

    @asynccontextmanager
    async def window(self) -> AsyncIterator[None]:
        """Around everything that writes documents: `projectors` does not change within. Waits while held."""
        while True:
            if monotonic() - self._read_at > KNOWLEDGE_SECONDS:
                await self._read()
            self._adopt_if_idle()
            if not self._is_held():
                break
            if self._is_worker:
                await self._say()
            await asyncio.sleep(_HELD_SECONDS)
            await self._read()
        self._windows += 1
        try:
            yield
        finally:
            self._windows -= 1

    async def run(self) -> None:
        """Keep up with the control documents, and say so, until cancelled."""
        self._is_worker = True
        while True:
            try:
                await self._read()
                self._adopt_if_idle()
                await self._say()
            except mongo.INFRASTRUCTURE_ERRORS as error:
                log.warning("versions unknown", service=self._service, error=told(error))
            await asyncio.sleep(_REFRESH_SECONDS)

    async def _say(self) -> None:
        """At once when there is something new to say, and again and again that we are alive."""
        said, at = self._said
        if said == self._seen and monotonic() - at < _SAY_SECONDS:
            return
        saying = (self._seen, monotonic())
        row = {"at": clock.now(), "seen": self._seen}
        await self._db[WORKERS].update_one({"_id": self._member}, {"$set": row}, upsert=True)
        self._said = saying

    async def _read(self) -> None:
        begun = monotonic()
        found = await controls(self._db)
        if begun > self._read_at:
            self._known, self._read_at = found, begun

    def _adopt_if_idle(self) -> None:
        if not self._windows:
            self._adopt(self._known)

    def _adopt(self, known: dict[str, Control]) -> None:
        mine = {name: known.get(name) or initial(name) for name in self._views}
        if (seen := {name: control.epoch for name, control in mine.items()}) == self._seen:
            return
        self._seen = seen
        self.projectors = tuple(
            Projector(self._service, self._views[name], self._db, self._store, self._parking, version.collection)
            for name, control in mine.items()
            for version in control.versions.values()
            if version.is_maintained
        )

    def _is_held(self) -> bool:
        """Each hold for ten seconds at most, from when this worker first saw it."""
        asked = {control.hold for control in self._known.values() if control.hold}
        self._holds = {hold: self._holds.get(hold, monotonic()) for hold in asked}
        return any(monotonic() - since < HOLD_SECONDS for since in self._holds.values())
