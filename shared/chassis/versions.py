"""Which collections hold a view: one control document for each view that was ever rebuilt (ADR 15).

`view_versions` in the service's own database: `{_id: view, active, previous, switched_at, next, epoch, hold, versions:
{"1": {collection, state, ...}}}`. A view without one has version 1 alone, in the collection of its plain name.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any

from shared.chassis.documents import AnyProjection
from shared.chassis.mongo import Collection, Database, Document

CONTROL = "view_versions"
READERS_SECONDS = 0.5
"""How long a reader may go by what it read of the control documents."""


@dataclass(frozen=True)
class Version:
    """`state` is building, ready or dropping; `done` tells how much of the keys' hash space was loaded, 0 to 2**32."""

    number: int
    collection: str
    state: str = "ready"
    done: int = 0
    started_at: datetime | None = None
    note: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_maintained(self) -> bool:
        """Whether the workers write to it."""
        return self.state != "dropping"


@dataclass(frozen=True)
class Control:
    """The versions of one view. `epoch` counts the changes; while `hold` is set the workers do not write."""

    view: str
    active: int
    versions: Mapping[int, Version]
    epoch: int = 0
    previous: int | None = None
    switched_at: datetime | None = None
    hold: str | None = None

    @property
    def collection(self) -> str:
        """The one that readers read."""
        return self.versions[self.active].collection


def initial(view: str) -> Control:
    """Of a view that was never rebuilt."""
    return Control(view, 1, {1: Version(1, view)})


def control_of(row: Document) -> Control:
    """A control document as it is stored."""
    versions = {int(number): _version(int(number), each) for number, each in row["versions"].items()}
    return Control(
        row["_id"],
        row["active"],
        versions,
        row["epoch"],
        row.get("previous"),
        row.get("switched_at"),
        row.get("hold"),
    )


def _version(number: int, row: Document) -> Version:
    return Version(
        number, row["collection"], row["state"], row.get("done", 0), row.get("started_at"), row.get("note") or {}
    )


async def controls(db: Database) -> dict[str, Control]:
    """Every view of the database that has a control document, by its name."""
    return {row["_id"]: control_of(row) async for row in db[CONTROL].find({})}


class Versions:
    """For readers: the collection of a view now. It is asked for before every query and remembered for half a second.

    Within a process it never goes back to an earlier answer, since one read of the control documents follows another.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[str, Control] = {}
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def collection(self, projection: AnyProjection) -> Collection:
        """Where the view's documents are. Raises MongoDB's infrastructure errors, as the query itself would."""
        control = (await self._fresh()).get(projection.collection)
        return self._db[control.collection if control else projection.collection]

    async def _fresh(self) -> dict[str, Control]:
        if monotonic() >= self._until:
            async with self._lock:
                await self._refresh()
        return self._known

    async def _refresh(self) -> None:
        begun = monotonic()
        if begun >= self._until:
            self._known = await controls(self._db)
            self._until = begun + READERS_SECONDS
