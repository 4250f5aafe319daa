"""Batches of records on their way to the broker: whole, in order, and told where they are (design 7)."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.structs import RecordMetadata, TopicPartition

from shared.chassis.partitioning import partition_of
from shared.chassis.producing import Placed, Record, send_all

pytestmark = pytest.mark.anyio


class Producer:
    """Keeps what it is sent, in `batches` of 1000 bytes at most; refuses what `refuses` says."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[tuple[bytes, bytes, str]]]] = []
        self.ends: Counter[int] = Counter()
        self.refuses: Callable[[int], bool] = lambda _partition: False

    async def partitions_for(self, _topic: str) -> set[int]:
        return {0, 1, 2}

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(1000, 0)

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> "asyncio.Future[RecordMetadata]":
        assert batch.closed()
        found = [(r.key, r.value, r.headers[0][0]) for r in DefaultRecordBatch(bytes(batch._build()))]
        acknowledged = asyncio.get_running_loop().create_future()
        if self.refuses(partition):
            acknowledged.set_exception(KafkaError("no"))
            return acknowledged
        at = RecordMetadata(topic, partition, TopicPartition(topic, partition), self.ends[partition], -1, 0, 0)
        self.batches.append((partition, found))
        self.ends[partition] += len(found)
        acknowledged.set_result(at)
        return acknowledged


def records(*keys: str) -> list[Record]:
    return [Record(key.encode(), str(n).encode() * 50, [("h", b"1")]) for n, key in enumerate(keys)]


async def test_each_record_goes_to_the_partition_of_its_key_and_is_told_where_it_is() -> None:
    producer, sent = Producer(), records("a", "b", "c", "a", "d", "b")
    placed = await send_all(producer, "t", sent)
    there = {(p, i): r for p in range(3) for i, r in enumerate(r for q, b in producer.batches if q == p for r in b)}
    assert [there[at.partition, at.offset] for at in placed] == [(r.key, r.value, "h") for r in sent]
    assert [at.partition for at in placed] == [partition_of(r.key, 3) for r in sent]
    assert len(producer.batches) == len({at.partition for at in placed})


async def test_records_that_fill_a_batch_go_on_in_the_next_one_in_order() -> None:
    producer, sent = Producer(), records(*["a"] * 40)
    placed = await send_all(producer, "t", sent)
    assert [at.offset for at in placed] == list(range(40))
    assert [value for _, batch in producer.batches for _, value, _ in batch] == [r.value for r in sent]
    assert len(producer.batches) > 1


async def test_a_record_larger_than_a_batch_goes_alone() -> None:
    producer, large = Producer(), Record(b"a", b"x" * 5_000, [("h", b"")])
    await send_all(producer, "t", [*records("a"), large, *records("a")])
    assert [len(batch) for _, batch in producer.batches] == [1, 1, 1]


async def test_what_the_broker_refuses_is_the_callers_matter() -> None:
    producer = Producer()
    mine = partition_of(b"a", 3)
    producer.refuses = lambda partition: partition == mine
    with pytest.raises(KafkaError):
        await send_all(producer, "t", records("a", "b", "c", "d"))


async def test_nothing_to_send_is_no_matter() -> None:
    assert await send_all(Producer(), "t", []) == []


def test_a_place_is_told_by_topic_partition_and_offset() -> None:
    assert Placed("t", 1, 2)._asdict() == {"topic": "t", "partition": 1, "offset": 2}
