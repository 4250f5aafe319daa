"""A broker in memory, in the place of `shared.chassis.kafka`, that can lose records, refuse them and hang."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

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

    async def send(self, topic: str, key: bytes, value: bytes, headers: Any) -> "asyncio.Future[Any]":
        assert topic == self.topic
        placed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.away:
            self.away -= 1
            raise KafkaError("away")
        if not self.silent:
            partition = key[-1] - ord("a")
            there = self.partitions[partition]
            there.append(SimpleNamespace(key=key, value=value, headers=headers, offset=len(there)))
            placed.set_result(SimpleNamespace(topic=topic, partition=partition, offset=len(there) - 1))
        return placed

    async def records_before(self, bootstrap: str, topics: Iterable[str]) -> dict[TopicPartition, Any]:
        assert (bootstrap, list(topics)) == (ADDRESS, [self.topic])
        return {TopicPartition(self.topic, p): records[-1] for p, records in self.partitions.items() if records}

    async def ends(self, bootstrap: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        assert (bootstrap, list(topics)) == (ADDRESS, [self.topic])
        return {TopicPartition(self.topic, p): len(records) for p, records in self.partitions.items()}

    async def largest_record(self, bootstrap: str, topic: str) -> int:
        assert (bootstrap, topic) == (ADDRESS, self.topic)
        return self.largest
