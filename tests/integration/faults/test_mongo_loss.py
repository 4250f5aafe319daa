"""MongoDB killed under load, and two workers at the same new key (reliability B.2, test 8; design 11, 12, 16)."""

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import Any

import pytest

from shared.chassis.documents import Folded
from shared.chassis.mongo import INFRASTRUCTURE_ERRORS
from shared.chassis.parking import Parking
from shared.chassis.problems import Problem
from shared.chassis.projections import Arrival, Projector
from shared.chassis.views import Seen, Views
from shared.events.envelope import StoredEvent
from shared.testing.running import RunningSystem
from tests.integration.faults.accounts import WITHIN, Writer, all_is_well
from tests.integration.faults.conftest import Stack
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]
KILLS = 3


async def test_killing_the_database_between_writes_loses_and_doubles_nothing(
    stack: Stack, service: Toy, worker: ToyWorker
) -> None:
    """Documents are written with w=1 and may be forgotten, but never without the positions that say so.

    Meanwhile a reader asks for what it has just written: it gets that or a refusal, never what was before.
    """
    servers = RunningSystem("", {}, stack.servers.root)
    writer = Writer(service)
    reader = Reader(service)
    writing, reading = asyncio.ensure_future(writer.write()), asyncio.ensure_future(reader.read())
    for _ in range(KILLS):
        await writer.until(50)
        restarts = servers.component("mongodb")["restarts"]
        os.kill(servers.pid("mongodb"), signal.SIGKILL)
        await asyncio.to_thread(servers.wait_until_restarted, "mongodb", restarts, 120)
    await writer.until(25)
    await reader.until_served()
    writer.stopping = reader.stopping = True
    await asyncio.gather(writing, reading)
    await all_is_well(service)


class Reader:
    """Writes to a stream of its own and asks for that very revision, over and over."""

    def __init__(self, service: Toy) -> None:
        self._service = service
        self.served = 0
        self.stopping = False

    async def read(self) -> None:
        """Until `stopping` is set. AssertionError if it is shown less than it knows of."""
        views, at = Views(self._service.running.db), -1
        while not self.stopping:
            at = await self._service.count("own", 1, after=at)
            seen = Seen(self._service.stream("own"), at)
            try:
                shown = await views.get(toy.TALLIES, self._service.clinic, "own", after=seen)
            except (Problem, *INFRASTRUCTURE_ERRORS):
                continue
            assert shown is not None
            assert shown.revision >= at
            self.served += 1

    async def until_served(self) -> None:
        """Until it has got what it had written three times more."""
        goal = self.served + 3

        async def served() -> bool:
            return self.served >= goal

        await eventually(served, WITHIN)


async def test_two_workers_that_write_the_same_new_document_at_once_end_up_with_its_fold(service: Toy) -> None:
    """Both have found nothing, both insert: the one that comes second looks again and goes on from there."""
    await service.count("new", 1, 2, 3)
    stored = await service.running.store.read_stored(service.stream("new"))
    both = asyncio.Barrier(2)
    workers = [Racing(service, both) for _ in range(2)]
    # The second has read further: whoever inserts first, what is there in the end is the longer one.
    await asyncio.gather(workers[0].apply_stored(stored[:2]), workers[1].apply_stored(stored))
    found = await service.document("new")
    assert found is not None
    assert (found["steps"], found["_rev"]) == ([1, 2, 3], 2)
    assert sum(worker.writes for worker in workers) >= 3, "who came second looked again"


class Racing(Projector):
    """Waits before its first write until the other is about to write too."""

    def __init__(self, service: Toy, both: asyncio.Barrier) -> None:
        running = service.running
        super().__init__(toy.SERVICE, toy.TALLIES, running.db, running.store, Parking(toy.SERVICE, running.db, _nobody))
        self._both = both
        self.writes = 0

    async def apply_stored(self, stored: Sequence[StoredEvent]) -> None:
        decoded = await self._store.codec.events(stored)
        await self.apply([Arrival(s, d) for s, d in zip(stored, decoded, strict=True)])

    async def _write(self, documents: Sequence[Folded], streams: dict[str, list[Arrival]]) -> set[str]:
        self.writes += 1
        if self.writes == 1:
            await self._both.wait()
        return await super()._write(documents, streams)


async def _nobody(*_: Any) -> None:
    """Nothing is parked here."""
