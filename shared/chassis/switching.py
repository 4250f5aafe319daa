"""What operators do to the versions of a view: begin one, switch, switch back, drop (ADR 15).

Every change is one update of the control document, and takes only if nobody else changed it meanwhile.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

from shared.chassis import clock
from shared.chassis.crash_points import Point, passing
from shared.chassis.maintaining import HOLD_SECONDS, WORKERS
from shared.chassis.mongo import Database, ReturnDocument, journaled
from shared.chassis.versions import CONTROL, READERS_SECONDS, Control, Version, control_of, controls, initial

ALIVE_FOR = timedelta(seconds=10)
KEPT_FOR = timedelta(minutes=15)
"""How long a version is kept after readers left it: live streams that watch it end within their tokens' lifetime."""
PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.05
_MARGIN_SECONDS = 1.0


class NotPossible(Exception):
    """The change would do harm, or makes no sense; nothing was changed. The text says why."""


@dataclass(frozen=True)
class Workers:
    """Those alive: by name the newest epoch of the view that each goes by."""

    seen: dict[str, int]

    def behind(self, epoch: int) -> list[str]:
        """Who does not know of it yet."""
        return sorted(name for name, known in self.seen.items() if known < epoch)


async def control(db: Database, view: str) -> Control:
    """The versions of a view."""
    return (await controls(db)).get(view) or initial(view)


async def workers(db: Database, view: str) -> Workers:
    """Those that said in the last 10 s that they keep the view."""
    alive = {"at": {"$gt": clock.now() - ALIVE_FOR}, f"seen.{view}": {"$exists": True}}
    return Workers({row["_id"]: row["seen"][view] async for row in db[WORKERS].find(alive)})


async def told(db: Database, view: str, epoch: int, patience: float = PATIENCE_SECONDS) -> None:
    """Until every worker alive goes by `epoch`: windows begun before are written. NotPossible after `patience` s."""
    until = monotonic() + patience
    while behind := (await workers(db, view)).behind(epoch):
        if monotonic() > until:
            raise NotPossible(f"workers do not take notice: {', '.join(behind)}")
        await asyncio.sleep(_POLL_SECONDS)


async def begin(db: Database, view: str) -> tuple[Control, Version]:
    """The version under construction, or a new one. The workers write to it as soon as they know."""
    known = await _stored(db, view)
    for version in known.versions.values():
        if version.state == "building":
            return known, version
    row = await db[CONTROL].find_one({"_id": view}, {"next": 1})
    number: int = row["next"] if row else 2
    fields = {"collection": f"{view}.v{number}", "state": "building", "done": 0, "started_at": clock.now()}
    known = await _change(db, known, {f"versions.{number}": fields, "next": number + 1})
    return known, known.versions[number]


async def loaded(db: Database, view: str, number: int, fields: dict[str, Any]) -> None:
    """Note how far a version is. NotPossible when it was dropped meanwhile."""
    mine = {"_id": view, f"versions.{number}.state": {"$in": ["building", "ready"]}}
    update = {"$set": {f"versions.{number}.{name}": value for name, value in fields.items()}}
    if (await journaled(db[CONTROL]).update_one(mine, update)).matched_count == 0:
        raise NotPossible(f"version {number} of {view} is no more")


def switch_target(known: Control, number: int | None = None) -> Version:
    """Where a switch would go: `number`, or the newest ready version. NotPossible if there is none."""
    ready = [n for n, version in known.versions.items() if version.state == "ready" and n != known.active]
    target = number if number is not None else max(ready, default=None)
    if target is None or target not in ready:
        raise NotPossible(f"no ready version of {known.view} to switch to; ready: {sorted(ready) or 'none'}")
    return known.versions[target]


def back_target(known: Control) -> Version:
    """The version that readers read before. NotPossible if it is gone."""
    if known.previous is None:
        raise NotPossible(f"{known.view} was never switched")
    return switch_target(known, known.previous)


def drop_target(known: Control, number: int, at_once: bool = False) -> Version:
    """The version to drop. NotPossible for the active one, and for one that readers left less than 15 minutes ago."""
    if number not in known.versions:
        raise NotPossible(f"{known.view} has no version {number}")
    if number == known.active:
        raise NotPossible(f"version {number} of {known.view} is the active one")
    fresh = known.switched_at is not None and clock.now() - known.switched_at < KEPT_FOR
    if number == known.previous and fresh and not at_once:
        raise NotPossible(f"readers left version {number} less than {KEPT_FOR.seconds // 60} minutes ago")
    return known.versions[number]


async def switch(db: Database, view: str, number: int) -> Control:
    """Readers read that version from now on: one update, while no worker writes, so that no read goes back.

    The workers are asked to hold still; once each has said so both versions have seen the same windows. They go on when
    the last reader has noticed, or after ten seconds. Views lag about a second longer than usual meanwhile.
    NotPossible if there is no such version, or a worker does not hold still.
    """
    begun = monotonic()
    held = await _change(db, await _stored(db, view), {"hold": clock.new_id()})
    switch_target(held, number)
    try:
        left = HOLD_SECONDS - 2 * READERS_SECONDS - _MARGIN_SECONDS
        await told(db, view, held.epoch, left)
        if monotonic() - begun > left:
            raise NotPossible("the workers took too long to hold still")
        passing(Point.BEFORE_SWITCH)
        fields = {"active": number, "previous": held.active, "switched_at": clock.now()}
        switched = await _change(db, held, fields)
        passing(Point.AFTER_SWITCH_BEFORE_RELEASE)
        await asyncio.sleep(2 * READERS_SECONDS)
    finally:
        await _release(db, held)
    return switched


async def _release(db: Database, held: Control) -> None:
    await db[CONTROL].update_one({"_id": held.view, "hold": held.hold}, {"$set": {"hold": None}, "$inc": {"epoch": 1}})


async def drop(db: Database, view: str, number: int, at_once: bool = False) -> None:
    """Remove a version: the workers stop writing to it first. Repeat it if it was interrupted."""
    known = await _stored(db, view)
    version = drop_target(known, number, at_once)
    known = await _change(db, known, {f"versions.{number}.state": "dropping"})
    await told(db, view, known.epoch)
    await asyncio.sleep(2 * READERS_SECONDS)
    await db.drop_collection(version.collection)
    await db["parked"].delete_many({"handler": version.collection})
    forget: dict[str, Any] = {"previous": None} if known.previous == number else {}
    await _change(db, await control(db, view), forget, {f"versions.{number}": ""})


async def _stored(db: Database, view: str) -> Control:
    """After making sure that there is a document to change."""
    first = {"active": 1, "next": 2, "epoch": 0, "versions": {"1": {"collection": view, "state": "ready"}}}
    await journaled(db[CONTROL]).update_one({"_id": view}, {"$setOnInsert": first}, upsert=True)
    return await control(db, view)


async def _change(
    db: Database, known: Control, fields: dict[str, Any], removed: dict[str, Any] | None = None
) -> Control:
    update: dict[str, Any] = {"$inc": {"epoch": 1}}
    update |= {"$set": fields} if fields else {}
    update |= {"$unset": removed} if removed else {}
    mine = {"_id": known.view, "epoch": known.epoch}
    row = await journaled(db[CONTROL]).find_one_and_update(mine, update, return_document=ReturnDocument.AFTER)
    if row is None:
        raise NotPossible(f"somebody else is changing the versions of {known.view}; try again")
    return control_of(row)
