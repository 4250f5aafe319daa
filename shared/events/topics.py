"""The Kafka topics and their settings. All history is kept, so that a topic can rebuild a view (design 12)."""

from dataclasses import dataclass, field

SERVICES = ("referral", "portal", "messaging", "scheduling", "pims-sync")
PARTITIONS = 4
MAX_MESSAGE_BYTES = 2 * 1024 * 1024
"""An append holds 1 MiB at most; headers and framing fit beside it."""


@dataclass(frozen=True)
class Topic:
    """`settings` are topic configurations by their Kafka names."""

    name: str
    partitions: int = PARTITIONS
    settings: dict[str, str] = field(
        default_factory=lambda: {
            "cleanup.policy": "delete",
            "retention.ms": "-1",
            "retention.bytes": "-1",
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            "message.timestamp.type": "CreateTime",
        }
    )


def events_topic(service: str) -> str:
    """What a service tells the others."""
    return f"{service}.events"


def service_of(topic: str) -> str:
    """Whose topic it is."""
    return topic.rpartition(".")[0]


def parked_topic(service: str) -> str:
    """What a service's workers could not handle."""
    return f"{service}.parked"


TOPICS = tuple(Topic(name(service)) for service in SERVICES for name in (events_topic, parked_topic))


def topic_named(name: str) -> Topic:
    """One of `TOPICS`. KeyError if there is none of that name."""
    return {topic.name: topic for topic in TOPICS}[name]
