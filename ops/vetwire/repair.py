"""Parked events let go again, at once: a view folds what it missed, an automation reacts to what it did not."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ops.vetwire.command_line import Failure
from ops.vetwire.installation import Installation
from ops.vetwire.parked_groups import ParkedStream, parked_streams
from ops.vetwire.progress import telling
from ops.vetwire.served import maintained_by, parking_of, reactor_of
from shared.chassis import clock
from shared.chassis.event_store import NO_STREAM
from shared.chassis.mongo import Document, journaled
from shared.chassis.parking import BEHIND
from shared.kernel.streams import clinic_of, key_of

WORKERS_MEMORY = 6.0
"""Seconds that a worker may go on holding back a stream that was released: it looks every 5 s."""
_ROUNDS = 3


@dataclass(frozen=True)
class Repair:
    """Works on one installation. Everything here can be repeated after a crash."""

    at: Installation

    async def retry(self, parked: Sequence[ParkedStream]) -> int:
        """Release the streams and handle what they hold; how many events are parked again.

        Workers go on parking behind what they remember, for 5 s: that is waited for, and released as well.
        """
        with telling("parked") as progress:
            for done, each in enumerate(parked, start=1):
                await self._let_go(each)
                progress.tell("streams", done, done / len(parked))
            for _ in range(_ROUNDS):
                progress.say(f"parked: up to {WORKERS_MEMORY:.0f} s until workers have noticed")
                await asyncio.sleep(WORKERS_MEMORY)
                late = [each for each in await self._again(parked) if each.head["reason"] == BEHIND]
                for each in late:
                    await self._let_go(each)
                if not late:
                    break
        return sum(len(each.rows) for each in await self._again(parked))

    async def discard(self, parked: Sequence[ParkedStream], reason: str) -> int:
        """Step over the events that failed, keep them in `discarded`, and go on behind them; as `retry` otherwise."""
        for each in parked:
            await self._step_over(each)
            kept = {**each.head, "why": reason, "by": self.at.who.name, "at": clock.now()}
            discarded = journaled(self.at.database(each.service)["discarded"])
            await discarded.replace_one({"_id": kept["_id"]}, kept, upsert=True)
        return await self.retry(parked)

    async def _again(self, parked: Sequence[ParkedStream]) -> list[ParkedStream]:
        mine = {(each.service.name, each.handler, each.stream) for each in parked}
        services = {each.service.name: each.service for each in parked}.values()
        found = await parked_streams(self.at, services)
        return [each for each in found if (each.service.name, each.handler, each.stream) in mine]

    async def _let_go(self, parked: ParkedStream) -> None:
        running = self.at.runtime_of(parked.service)
        automation = parked.service.automation(parked.handler)
        if automation is not None:
            await reactor_of(parked.service, automation, running).release(parked.stream)
            return
        maintained = maintained_by(parked.service, running)
        async with maintained.window():
            mine = [projector for projector in maintained.projectors if projector.name == parked.handler]
            for projector in mine:
                await projector.release(parked.stream)
        if not mine:
            # Its view, or the version of it, is no more.
            parking = parking_of(parked.service, running.db)
            await parking.release(parked.handler, parked.stream)
            await parking.forget(parked.handler, parked.stream)

    async def _step_over(self, parked: ParkedStream) -> None:
        if parked.service.automation(parked.handler) is not None:
            inbox = journaled(self.at.database(parked.service)["inbox"])
            done = {"at": clock.now(), "_clinic": clinic_of(parked.stream)}
            await inbox.update_one({"_id": parked.head["_id"]}, {"$setOnInsert": done}, upsert=True)
        else:
            await self._move_document(parked)

    async def _move_document(self, parked: ParkedStream) -> None:
        """Let the document count the event as seen. Failure unless it stands right before it."""
        documents = journaled(self.at.database(parked.service)[parked.handler])
        key, revision = key_of(parked.stream), parked.head["revision"]
        row: Document = await documents.find_one({"_id": key}, {"_rev": 1}) or {"_rev": NO_STREAM}
        if row["_rev"] >= revision:
            return
        if row["_rev"] != revision - 1:
            raise Failure(f"{parked.stream}: the view is at {row['_rev']}, before the parked {revision}: retry first")
        if row["_rev"] == NO_STREAM:
            gone = {"_id": key, "_rev": revision, "_clinic": clinic_of(parked.stream), "_gone": True}
            await documents.update_one({"_id": key}, {"$setOnInsert": gone}, upsert=True)
        else:
            await documents.update_one({"_id": key, "_rev": row["_rev"]}, {"$set": {"_rev": revision}})
