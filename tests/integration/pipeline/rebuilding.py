"""What the tests of rebuilds share: a load of writes and reads, and a way back to the view's first version."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from shared.chassis.documents import AnyProjection
from shared.chassis.mongo import Document
from shared.chassis.rebuild import Rebuild, Rebuilt
from shared.chassis.switching import NotPossible, control, drop, switch
from shared.chassis.views import Views
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy

VIEW = toy.TALLIES.collection
COMMANDS_PER_SECOND = 50


async def back_to_the_first(service: Toy) -> None:
    """The other tests of the toy look into the first version's collection."""
    known = await control(service.running.db, VIEW)
    if known.active != 1:
        await switched(service, 1)
    for number in known.versions.keys() - {1}:
        await drop(service.running.db, VIEW, number, at_once=True)


async def switched(service: Toy, number: int) -> None:
    """As an operator does it: once more where the workers were too busy to take notice in time."""
    for last in (False, False, True):
        try:
            await switch(service.running.db, VIEW, number)
        except NotPossible:
            if last:
                raise
        else:
            return


async def documents(service: Toy, collection: str) -> dict[str, Document]:
    return {row["_id"]: row async for row in service.running.db[collection].find({"_clinic": service.clinic})}


async def rebuilt(service: Toy, projection: AnyProjection = toy.TALLIES, **how: object) -> Rebuilt:
    return await Rebuild(service.running, projection, **how).run()  # type: ignore[arg-type]  # keyword by keyword


@dataclass
class Load:
    """A writer of 50 commands/s and readers that remember the newest revision they saw."""

    service: Toy
    streams: int = 12
    written: int = 0
    reads: int = 0
    back: int = 0

    def went_on(self, by: int) -> Callable[[], Awaitable[bool]]:
        """Whether as many writes and reads have come since now, to be asked again and again."""
        writes, reads = self.written + by, self.reads + by

        async def done() -> bool:
            return self.written >= writes and self.reads >= reads

        return done

    async def write(self) -> None:
        at, begun = Counter(dict.fromkeys(range(self.streams), -1)), monotonic()
        while True:
            n = self.written % self.streams
            at[n] = await self.service.count(f"live{n}", 1, after=at[n])
            self.written += 1
            await asyncio.sleep(max(0.0, begun + self.written / COMMANDS_PER_SECOND - monotonic()))

    async def read(self) -> None:
        views = Views(self.service.running.db)
        newest: dict[str, int] = {}
        most = 0
        while True:
            rows = await views.list(toy.TALLIES, self.service.clinic)
            shown = {row.key: row.revision for row in rows}
            self.back += any(shown.get(key, -1) < revision for key, revision in newest.items()) or len(rows) < most
            newest, most = newest | shown, len(rows)
            self.reads += 1
            await asyncio.sleep(0.01)
