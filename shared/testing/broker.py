"""A broker in memory, in the place of `shared.chassis.kafka`, that can lose records, refuse them and hang."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from shared.chassis.producing import Placed, Record

ADDRESS = "broker:1"


class MemoryBroker:
    """One topic, its partitions in lists; a record goes to the one that its key ends with, `a` being the first.

    The next `away` sends fail, and none is ever answered while `silent`.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.partitions: dict[int, list[SimpleNamespace]] = {0: [], 1: []}
        self.away = 0
        self.silent = False
        self.largest = 1_000_000

    @asynccontextmanager
    async def producer(self, bootstrap: str, client_id: str) -> AsyncIterator["MemoryBroker"]:
        assert (bootstrap, client_id) == (ADDRESS, self.topic.replace(".events", "-relay"))
        yield self

    async def send_all(self, _producer: Any, topic: str, records: Sequence[Record]) -> list[Placed]:
        assert topic == self.topic
        if self.away:
            self.away -= 1
            raise KafkaError("away")
        if self.silent:
            await asyncio.Event().wait()
        return [self._placed(record) for record in records]

    def _placed(self, record: Record) -> Placed:
        partition = record.key[-1] - ord("a")
        there = self.partitions[partition]
        there.append(SimpleNamespace(**record._asdict(), offset=len(there)))
        return Placed(self.topic, partition, len(there) - 1)

    async def records_before(self, bootstrap: str, topics: Iterable[str]) -> dict[TopicPartition, Any]:
        assert (bootstrap, list(topics)) == (ADDRESS, [self.topic])
        return {TopicPartition(self.topic, p): records[-1] for p, records in self.partitions.items() if records}

    async def ends(self, bootstrap: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        assert (bootstrap, list(topics)) == (ADDRESS, [self.topic])
        return {TopicPartition(self.topic, p): len(records) for p, records in self.partitions.items()}

    async def largest_record(self, bootstrap: str, topic: str) -> int:
        assert (bootstrap, topic) == (ADDRESS, self.topic)
        return self.largest
