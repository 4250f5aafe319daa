"""How far a service's worker has read, stored beside its read models and journaled after them (design 12).

Kafka's own committed offsets are a hint: what counts is what the database says that it has seen.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from aiokafka import TopicPartition
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, OperationFailure

from shared.chassis import clock, kafka
from shared.chassis.mongo import Database, journaled
from shared.events.cloudevents import NotACloudEvent, from_record
from shared.events.envelope import StoredEvent

_DUPLICATE_KEY = 11000
log = structlog.get_logger(__name__)


class Positions:
    """For each partition the offset of the next record to read, and the id of the event just before it."""

    def __init__(self, db: Database) -> None:
        self._rows = journaled(db["positions"])

    async def save(self, read: Mapping[TopicPartition, tuple[int, StoredEvent | None]]) -> None:
        """Remember the last record handled of each partition: its offset and its event (None: it was no event).

        Never back: who lost a partition finishes the window under way, and its successor may be further already.
        OperationFailure if MongoDB refuses a row for any other reason.
        """
        updates = [
            UpdateOne(
                {"_id": _id(tp), "next": {"$not": {"$gt": offset + 1}}}, {"$set": _row(offset, event)}, upsert=True
            )
            for tp, (offset, event) in read.items()
        ]
        try:
            await self._rows.bulk_write(updates, ordered=False)
        except BulkWriteError as error:  # a row that is further is not matched, and cannot be inserted either
            if codes := {each["code"] for each in error.details["writeErrors"]} - {_DUPLICATE_KEY}:
                raise OperationFailure(f"positions were not saved: {sorted(codes)}") from None

    async def move(self, begins: Mapping[TopicPartition, int], position: int) -> None:
        """Go on at those offsets: what was before them is gone, and was handled up to `position` by another way."""
        updates = [
            UpdateOne(
                {"_id": _id(tp)},
                {
                    "$set": {"next": begin, "at": clock.now()},
                    "$max": {"position": position},
                    "$setOnInsert": {"event_id": ""},
                },
                upsert=True,
            )
            for tp, begin in begins.items()
        ]
        if updates:
            await self._rows.bulk_write(updates, ordered=False)

    async def load(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, dict[str, Any]]:
        """What was saved for those partitions."""
        wanted = {_id(tp): tp for tp in partitions}
        return {wanted[row["_id"]]: row async for row in self._rows.find({"_id": {"$in": list(wanted)}})}

    async def starting_points(self, bootstrap: str, assigned: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset to start from for each partition: where we were, or 0 if the topic is not the one we were reading.

        A topic that was made anew has other records at our offset; the id of the last handled one tells (design 8).
        """
        saved = await self.load(assigned)
        before = {tp: row["next"] for tp, row in saved.items()}
        found = await kafka.records_before(bootstrap, {tp.topic for tp in before}, before) if before else {}
        starts = {tp: self._checked(tp, saved.get(tp), found.get(tp)) for tp in assigned}
        over = [UpdateOne({"_id": _id(tp)}, {"$set": {"next": 0, "event_id": ""}}) for tp in saved if not starts[tp]]
        if over:
            await self._rows.bulk_write(over, ordered=False)
        return starts

    def _checked(self, tp: TopicPartition, row: dict[str, Any] | None, record: Any) -> int:
        if row is None:
            return 0
        if record is not None and _event_id(record) == row["event_id"]:
            return int(row["next"])
        log.warning("not the records we had read: starting over", topic=tp.topic, partition=tp.partition)
        return 0


def _id(tp: TopicPartition) -> str:
    return f"{tp.topic}/{tp.partition}"


def _event_id(record: Any) -> str:
    """As `_row` has it: nothing for a record that is no event, whatever its headers hold."""
    try:
        return str(from_record(record.value, record.headers).id)
    except NotACloudEvent:
        return ""


def _row(offset: int, event: StoredEvent | None) -> dict[str, Any]:
    return {
        "next": offset + 1,
        "event_id": str(event.id) if event else "",
        "position": event.position if event else None,
        "at": clock.now(),
    }
