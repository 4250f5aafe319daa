"""A relay on an event store that was restored to an earlier point (docs/operations.md, what a loss means)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
import structlog
from structlog.testing import LogCapture

from shared.chassis import kafka
from shared.chassis import relay as module
from shared.chassis.mongo import Database
from shared.chassis.relay import Relay
from shared.events.pims_sync import SyncRunAbandoned
from shared.testing.broker import ADDRESS, MemoryBroker
from shared.testing.event_store_contract import fact
from shared.testing.memory import MemoryEventStore

pytestmark = pytest.mark.anyio
TOPIC = "pims-sync.events"


async def test_it_refuses_to_leave_out_what_gets_the_positions_of_what_was_published(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until an operator has emptied topics and views; when the store is past the position again it may be too late."""
    broker, store, logs = MemoryBroker(TOPIC), MemoryEventStore(), LogCapture()
    for name in ("producer", "records_before", "ends", "largest_record"):
        monkeypatch.setattr(kafka, name, getattr(broker, name))
    monkeypatch.setattr(module, "send_all", broker.send_all)
    monkeypatch.setattr(module, "_PAUSE", 0.01)
    monkeypatch.setattr(module, "_REFUSED_PAUSE", 0.01)
    structlog.configure(processors=[logs])
    await store.given("feed-elm.a", fact("after the backup"), fact("also"))
    relay = Relay("pims-sync", store, database, ADDRESS, (SyncRunAbandoned,), "a")
    task = asyncio.ensure_future(relay.run())
    try:
        await eventually(lambda: len(broker.partitions[0]) == 2)
        await eventually_stored(database, 20)
        store.log.clear()
        await store.given("feed-elm.a", fact("anew"))
        await eventually(lambda: any(line["event"] == "relay refuses" for line in logs.entries))
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert len(broker.partitions[0]) == 2
    [reason] = {line["reason"] for line in logs.entries if line["event"] == "relay refuses"}
    assert reason == "published up to 20, but the event store ends at 10: was it restored?"


async def eventually(ask: Callable[[], bool]) -> None:
    for _ in range(1000):
        if ask():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 10 s")


async def eventually_stored(db: Database, position: int) -> None:
    for _ in range(1000):
        if await db["relay"].find_one({"position": position}):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 10 s")
