"""Waiting until a service's own views have seen everything that its event store holds at this moment.

For decisions that are taken on a view instead of on the stream: a view that lags behind can call a record unchanged
that has changed twice.
"""

import asyncio
from collections.abc import Mapping
from time import monotonic

from aiokafka import TopicPartition

from shared.chassis import kafka
from shared.chassis.mongo import Database
from shared.chassis.positions import Positions
from shared.chassis.runtime import Runtime
from shared.events.topics import events_topic

_POLL_SECONDS = 0.05


async def views_caught_up(running: Runtime, types: str, patience: float) -> bool:
    """Whether events whose type matches the regex `types` and that are stored now get into the views within `patience`.

    `patience` is in seconds. The relay must have passed the newest of them, and after that the worker must have handled
    everything that was on the topic then. Raises the servers' infrastructure errors.
    """
    until = monotonic() + patience
    head = await running.store.head(types)
    if head == 0:
        return True
    while not await _relayed(running.db, head):
        if not await _pause(until):
            return False
    ends = await kafka.ends(running.settings.brokers, [events_topic(running.settings.service)])
    while not await handled(Positions(running.db), ends):
        if not await _pause(until):
            return False
    return True


async def _pause(until: float) -> bool:
    await asyncio.sleep(_POLL_SECONDS)
    return monotonic() < until


async def _relayed(db: Database, head: int) -> bool:
    row = await db["relay"].find_one({"_id": "relay"}, {"position": 1})
    return row is not None and row.get("position", 0) >= head


async def handled(positions: Positions, ends: Mapping[TopicPartition, int]) -> bool:
    """Whether the worker has handled every record before `ends`."""
    saved = await positions.load(ends)
    return all(end == 0 or (tp in saved and saved[tp]["next"] >= end) for tp, end in ends.items())
