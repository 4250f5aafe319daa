"""Kafka through aiokafka: topics, a producer that is thrown away when it fails, a look at the end of a partition."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.helpers import create_ssl_context
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from shared.chassis.logs import told
from shared.events.topics import MAX_MESSAGE_BYTES, TOPICS, Topic

__all__ = [
    "INFRASTRUCTURE_ERRORS",
    "TopicPartition",
    "begins",
    "check_size",
    "ends",
    "ensure_topics",
    "keeps_everything",
    "largest_record",
    "producer",
    "read_until",
    "records_before",
]

INFRASTRUCTURE_ERRORS = (KafkaError, OSError, asyncio.TimeoutError)
_PATIENCE = 20.0
_STOP_WITHIN = 5.0
_CUT_WITHIN = 5.0
_AT_THE_END_MS = 20  # a broker that waits there for more to come holds up what other partitions have
log = structlog.get_logger(__name__)


def connection(bootstrap: str) -> dict[str, Any]:
    """aiokafka's arguments for `host:port[,host:port]`, or the same after `ssl://` (the system's certificates)."""
    scheme, _, servers = bootstrap.rpartition("://")
    encrypted = {"security_protocol": "SSL", "ssl_context": create_ssl_context()} if scheme == "ssl" else {}
    return {"bootstrap_servers": servers, **encrypted}


async def ensure_topics(bootstrap: str, topics: Iterable[Topic] = TOPICS, replication: int = 1) -> list[str]:
    """Create the topics that do not exist and return their names. Must run before any worker starts.

    A Faust worker that starts without its topics subscribes to nothing (libraries 0.11). KafkaError if refused.
    """
    admin = AIOKafkaAdminClient(**connection(bootstrap))
    await admin.start()
    try:
        missing = [t for t in topics if t.name not in set(await admin.list_topics())]
        wanted = [NewTopic(t.name, t.partitions, replication, topic_configs=t.settings) for t in missing]
        response = await admin.create_topics(wanted) if wanted else None
        for name, code, *_ in response.topic_errors if response else ():
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise for_code(code)(name)
        return [t.name for t in missing]
    finally:
        await admin.close()


@asynccontextmanager
async def producer(bootstrap: str, client_id: str) -> AsyncIterator[AIOKafkaProducer]:
    """An idempotent producer (acks=all). After any error that it raises, leave the block and open a new one.

    It may be stuck otherwise: aiokafka #1017 (sequence numbers), #1039 (a send that never ends).
    """
    made = AIOKafkaProducer(
        **connection(bootstrap),
        client_id=client_id,
        enable_idempotence=True,
        max_request_size=MAX_MESSAGE_BYTES,
        max_batch_size=256 * 1024,
        request_timeout_ms=10_000,
        metadata_max_age_ms=30_000,
    )
    try:
        await asyncio.wait_for(made.start(), _PATIENCE)
        yield made
    finally:
        try:
            await asyncio.wait_for(made.stop(), _STOP_WITHIN)
        except INFRASTRUCTURE_ERRORS as error:
            log.warning("producer abandoned", error=told(error))
            await _cut(made)


async def _cut(made: AIOKafkaProducer) -> None:
    """End what still tries to send: it would wait for the broker, and then send what is outdated."""
    with suppress(*INFRASTRUCTURE_ERRORS):
        await asyncio.wait_for(made.client.close(), _CUT_WITHIN)
    if (sending := made._sender.sender_task) is not None:
        sending.cancel()
        await asyncio.wait({sending}, timeout=_CUT_WITHIN)
    made._message_accumulator.fail_all(KafkaConnectionError("the producer was given up"))


@asynccontextmanager
async def _reader(bootstrap: str, **more: Any) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **connection(bootstrap),
        enable_auto_commit=False,
        max_partition_fetch_bytes=2 * MAX_MESSAGE_BYTES,
        auto_offset_reset="none",
        **more,
    )
    try:
        await asyncio.wait_for(consumer.start(), _PATIENCE)
        yield consumer
    finally:
        await consumer.stop()


async def ends(bootstrap: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
    """For every partition of `topics` the offset that its next record will have."""
    async with _reader(bootstrap) as consumer:
        return await _ends(consumer, topics)


async def begins(bootstrap: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
    """For every partition of `topics` the offset of the first record that is still there, or of the next one."""
    async with _reader(bootstrap) as consumer:
        return dict(await consumer.beginning_offsets(list(await _ends(consumer, topics))))


async def records_before(
    bootstrap: str, topics: Iterable[str], offsets: Mapping[TopicPartition, int] | None = None
) -> dict[TopicPartition, Any]:
    """The record just before each offset (default: the newest one of each partition); absent where there is none."""
    async with _reader(bootstrap) as consumer:
        end = await _ends(consumer, topics)
        begin = await consumer.beginning_offsets(list(end))
        at = {tp: (end if offsets is None else offsets).get(tp, 0) - 1 for tp in end}
        wanted = {tp: offset for tp, offset in at.items() if begin[tp] <= offset < end[tp]}
        return await asyncio.wait_for(_fetched(consumer, wanted), _PATIENCE)


async def keeps_everything(bootstrap: str, topic: str) -> bool:
    """Whether the broker says that it never drops a record of the topic, neither by age, by size nor by key."""
    found = await _settings_of(bootstrap, topic)
    return found.items() >= {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}.items()


async def largest_record(bootstrap: str, topic: str) -> int:
    """How many bytes a record of the topic may have, with its headers and framing; our own limit if it is not told."""
    try:
        found = await asyncio.wait_for(_settings_of(bootstrap, topic), _PATIENCE)
    except INFRASTRUCTURE_ERRORS as error:
        log.warning("the broker does not tell its settings", topic=topic, error=type(error).__name__)
        return MAX_MESSAGE_BYTES
    return min(int(found.get("max.message.bytes", MAX_MESSAGE_BYTES)), MAX_MESSAGE_BYTES)


def check_size(key: bytes, value: bytes, headers: list[tuple[str, bytes]], largest: int) -> None:
    """ValueError if such a record, alone in its batch, has more than `largest` bytes."""
    size = DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, headers)
    if size > largest:
        raise ValueError(f"{size} bytes are more than the {largest} of the topic")


async def _settings_of(bootstrap: str, topic: str) -> dict[str, str]:
    """What the broker tells; nothing if there is no such topic."""
    admin = AIOKafkaAdminClient(**connection(bootstrap))
    try:
        await admin.start()
        wanted = ConfigResource(ConfigResourceType.TOPIC, topic)
        [answer] = await admin.describe_configs([wanted])
        return {entry[0]: entry[1] for resource in answer.resources for entry in resource[4]}
    finally:
        await admin.close()


async def read_until(
    bootstrap: str, ends: Mapping[TopicPartition, int], at_once: int = 5_000
) -> AsyncGenerator[list[Any], None]:
    """Every record before `ends`, from the first one on, in raw batches of at most `at_once`, each of one partition.

    OffsetOutOfRange or NoOffsetForPartition if the beginning is not there any more.
    """
    async with _reader(bootstrap, fetch_max_wait_ms=_AT_THE_END_MS) as consumer:
        left = {tp: end for tp, end in ends.items() if end > 0}
        consumer.assign(list(left))
        for tp in left:
            consumer.seek(tp, 0)
        while left:
            for tp, records in (await consumer.getmany(*left, timeout_ms=500, max_records=at_once)).items():
                yield [record for record in records if record.offset < ends[tp]]
            for tp in [tp for tp in left if await consumer.position(tp) >= ends[tp]]:
                consumer.pause(tp)
                del left[tp]


async def _ends(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> dict[TopicPartition, int]:
    known = await consumer._client.fetch_all_metadata()
    tps = [TopicPartition(t, p) for t in topics for p in known.partitions_for_topic(t) or ()]
    return dict(await consumer.end_offsets(tps)) if tps else {}


async def _fetched(consumer: AIOKafkaConsumer, wanted: Mapping[TopicPartition, int]) -> dict[TopicPartition, Any]:
    found: dict[TopicPartition, Any] = {}
    consumer.assign(list(wanted))
    for tp, offset in wanted.items():
        consumer.seek(tp, offset)
    while missing := wanted.keys() - found.keys():
        for tp, records in (await consumer.getmany(*missing, timeout_ms=500, max_records=len(missing))).items():
            found.setdefault(tp, records[0])
            consumer.pause(tp)
    return found


async def _main() -> None:
    from shared.chassis.settings import ChassisSettings

    settings = ChassisSettings()
    made = await ensure_topics(settings.brokers, replication=settings.kafka_replication)
    log.info("topics ready", created=made)


if __name__ == "__main__":
    asyncio.run(_main())
