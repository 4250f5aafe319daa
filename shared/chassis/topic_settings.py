"""Topics on the broker against what they are to be: partitions and settings (shared.events.topics)."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from shared.chassis.kafka import connection
from shared.events.topics import Topic

_TOPIC = ConfigResourceType.TOPIC


@dataclass(frozen=True)
class Difference:
    """`found` is None where the broker has nothing. Of partitions `wanted` and `found` are counts."""

    topic: str
    what: Literal["topic", "partitions", "setting"]
    name: str
    wanted: str
    found: str | None


async def differences(bootstrap: str, topics: Iterable[Topic]) -> list[Difference]:
    """Where the broker differs. KafkaError if it does not answer."""
    async with _admin(bootstrap) as admin:
        partitions = await _partitions(admin, [topic.name for topic in topics])
        known = [topic for topic in topics if topic.name in partitions]
        settings = await _settings(admin, [topic.name for topic in known])
    missing = [Difference(t.name, "topic", t.name, "exists", None) for t in topics if t.name not in partitions]
    counts = [
        Difference(t.name, "partitions", "partitions", str(t.partitions), str(partitions[t.name]))
        for t in known
        if t.partitions != partitions[t.name]
    ]
    return missing + counts + [d for t in known for d in _differing(t, settings[t.name])]


def _differing(topic: Topic, found: dict[str, str]) -> list[Difference]:
    wanted = topic.settings.items()
    return [
        Difference(topic.name, "setting", name, value, found.get(name))
        for name, value in wanted
        if found.get(name) != value
    ]


async def set_settings(bootstrap: str, topics: Sequence[Topic]) -> None:
    """Give topics that exist their settings; others that were set on them go back to the broker's. KafkaError."""
    async with _admin(bootstrap) as admin:
        answers = await admin.alter_configs([ConfigResource(_TOPIC, t.name, dict(t.settings)) for t in topics])
    for answer in answers:
        for code, message, *_ in answer.resources:
            if code:
                raise for_code(code)(message)


async def _partitions(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    known = set(await admin.list_topics())
    wanted = [name for name in names if name in known]
    described = await admin.describe_topics(wanted) if wanted else []
    return {each["topic"]: len(each["partitions"]) for each in described}


async def _settings(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    answers: list[Any] = await admin.describe_configs([ConfigResource(_TOPIC, n) for n in names]) if names else []
    found: dict[str, dict[str, str]] = {}
    for answer in answers:
        for code, message, _kind, name, entries in answer.resources:
            if code:
                raise for_code(code)(message)
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection(bootstrap))
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()
