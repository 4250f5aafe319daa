"""Lags of a service, measured from outside: what is stored against what was relayed, what is on Kafka against what was
read. A process that says that it runs is not asked."""

from collections.abc import Iterable
from contextlib import aclosing
from datetime import UTC, datetime

from ops.vetwire.health import (
    HandlerHealth,
    OutboxHealth,
    PartitionHealth,
    RelayHealth,
    ServiceHealth,
    Thresholds,
)
from ops.vetwire.installation import Installation
from ops.vetwire.served import Served
from shared.chassis import clock, kafka
from shared.chassis.kafka import TopicPartition
from shared.chassis.mongo import Database
from shared.chassis.positions import Positions
from shared.chassis.relay import own_types
from shared.chassis.versions import controls
from shared.events.envelope import Metadata, StoredEvent
from shared.events.topics import events_topic

MOST_COUNTED = 10_000


async def relay_health(at: Installation, service: Served, most: Thresholds) -> RelayHealth:
    """Reads at most 10,000 events of the store."""
    row = await at.database(service)["relay"].find_one({"_id": "relay"}) or {}
    position = row.get("position")
    waiting, oldest = await _waiting(at, service, position or 0)
    seconds = _age(Metadata.model_validate_json(oldest.metadata).recorded_at if oldest else None)
    held = bool(row) and row["until"] >= clock.now()
    stalled = not held or (waiting > 0 and seconds > most.lag_seconds)
    return RelayHealth(
        state="stalled" if stalled else "alive",
        position=position,
        head=await at.running.store.head(own_types(service.name)),
        lag_events=min(waiting, MOST_COUNTED),
        lag_is_at_least=waiting > MOST_COUNTED,
        lag_seconds=seconds,
        holder=row.get("holder") if held else None,
        lease="held" if held else "free" if row else "none",
    )


async def _waiting(at: Installation, service: Served, after: int) -> tuple[int, StoredEvent | None]:
    """How many events a relay at that position has before it, and the first of them."""
    count, oldest = 0, None
    async with aclosing(at.running.store.scan(after, types=own_types(service.name))) as found:
        async for event in found:
            oldest = oldest or event
            count += 1
            if count > MOST_COUNTED:
                break
    return count, oldest


async def partitions(at: Installation, service: Served) -> tuple[list[PartitionHealth], datetime | None]:
    """Where the worker is in each partition that it follows, and when it last wrote a position."""
    ends = await kafka.ends(at.running.settings.brokers, [events_topic(name) for name in service.spec.follows])
    saved = await Positions(at.database(service)).load(ends)
    read = {tp: int(saved[tp]["next"]) if tp in saved else 0 for tp in ends}
    behind = {tp: offset + 1 for tp, offset in read.items() if offset < ends[tp]}
    records = await _records(at, behind)
    found = [
        PartitionHealth(
            topic=tp.topic,
            partition=tp.partition,
            position=read[tp],
            end=end,
            lag_events=max(0, end - read[tp]),
            lag_seconds=_age(records.get(tp)),
        )
        for tp, end in sorted(ends.items())
    ]
    return found, max((row["at"] for row in saved.values()), default=None)


async def _records(at: Installation, offsets: dict[TopicPartition, int]) -> dict[TopicPartition, datetime]:
    """When the record before each offset was published."""
    if not offsets:
        return {}
    topics = {tp.topic for tp in offsets}
    found = await kafka.records_before(at.running.settings.brokers, topics, offsets)
    return {tp: datetime.fromtimestamp(record.timestamp / 1000, UTC) for tp, record in found.items()}


def _age(moment: datetime | None) -> float:
    """Seconds until now; 0 for nothing."""
    return max(0.0, round((clock.now() - moment).total_seconds(), 3)) if moment else 0.0


async def service_health(at: Installation, service: Served, most: Thresholds) -> ServiceHealth:
    """Everything about one service."""
    db = at.database(service)
    found, read_at = await partitions(at, service)
    parked = await parked_by_handler(db)
    versions = await controls(db)
    total = sum(parked.values())
    for name, control in versions.items():
        parked[name] = sum(parked.get(version.collection, 0) for version in control.versions.values())
    views = [(p.collection, p.handles) for p in service.spec.projections]
    automations = [(a.name, (a.handles,)) for a in service.spec.automations]
    return ServiceHealth(
        service=service.name,
        relay=await relay_health(at, service, most),
        read_at=read_at,
        missing_topics=sorted({events_topic(name) for name in service.spec.follows} - {p.topic for p in found}),
        partitions=found,
        projections=[_handler(name, handles, found, parked, most) for name, handles in views],
        automations=[_handler(name, handles, found, parked, most) for name, handles in automations],
        parked=total,
        outbox=await _outbox(db),
    )


def _handler(
    name: str, handles: Iterable[type], read: list[PartitionHealth], parked: dict[str, int], most: Thresholds
) -> HandlerHealth:
    """Stalled: something waits for longer than is fine, whatever the worker says of itself."""
    topics = sorted({events_topic(getattr(event, "type_name", "").partition(".")[0]) for event in handles})
    mine = [partition for partition in read if partition.topic in topics]
    seconds = max((p.lag_seconds for p in mine), default=0.0)
    return HandlerHealth(
        name=name,
        state="stalled" if seconds > most.lag_seconds else "alive",
        topics=topics,
        lag_events=sum(p.lag_events for p in mine),
        lag_seconds=seconds,
        parked=parked.get(name, 0),
    )


async def parked_by_handler(db: Database) -> dict[str, int]:
    """How many events each handler of a service has parked."""
    counted = db["parked"].aggregate([{"$group": {"_id": "$handler", "n": {"$sum": 1}}}])
    return {row["_id"]: row["n"] async for row in counted}


async def _outbox(db: Database) -> OutboxHealth:
    rows = db["outbox"]
    oldest = await rows.find_one({"state": "pending"}, {"due": 1}, sort=[("due", 1)])
    return OutboxHealth(
        pending=await rows.count_documents({"state": "pending"}),
        failed=await rows.count_documents({"state": "failed"}),
        overdue_seconds=_age(oldest["due"] if oldest else None),
    )
