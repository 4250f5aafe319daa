"""How a service is, as data: its relay, what its worker has read, what is parked and what waits to leave."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel


class RelayHealth(BaseModel):
    """`lag_events` counts what is stored after `position`; `lag_is_at_least`: counting stopped there.

    `lag_seconds` is the age of the oldest of them. `lease`: held, free (nobody relays), or none (nobody ever did).
    """

    state: Literal["alive", "stalled"]
    position: int | None
    head: int
    lag_events: int
    lag_is_at_least: bool
    lag_seconds: float
    holder: str | None
    lease: Literal["held", "free", "none"]


class PartitionHealth(BaseModel):
    """`position` is the offset of the next record to read, `end` the one that the next record will have."""

    topic: str
    partition: int
    position: int
    end: int
    lag_events: int
    lag_seconds: float


class HandlerHealth(BaseModel):
    """A view or an automation, with the lag of the topics that it reads."""

    name: str
    state: Literal["alive", "stalled"]
    topics: list[str]
    lag_events: int
    lag_seconds: float
    parked: int


class OutboxHealth(BaseModel):
    """`overdue_seconds`: how long ago the oldest pending effect should have been tried."""

    pending: int
    failed: int
    overdue_seconds: float


class ServiceHealth(BaseModel):
    """A service's worker. `read_at` is when it last wrote down a position; `missing_topics` are not on the broker."""

    service: str
    relay: RelayHealth
    read_at: datetime | None
    missing_topics: list[str]
    partitions: list[PartitionHealth]
    projections: list[HandlerHealth]
    automations: list[HandlerHealth]
    parked: int
    outbox: OutboxHealth


class InstallationHealth(BaseModel):
    """All services now, and one sentence for each thing that should not be so."""

    at: datetime
    services: list[ServiceHealth]
    alarms: list[str]


class Thresholds(BaseModel):
    """What is still fine."""

    lag_events: int
    lag_seconds: float


def alarms(service: ServiceHealth, most: Thresholds) -> list[str]:
    """One sentence for each thing that is not fine."""
    name, relay = service.service, service.relay
    found = {
        f"{name}: nobody relays": relay.lease != "held",
        f"{name}: the relay is stalled": relay.lease == "held" and relay.state == "stalled",
        f"{name}: the relay is ahead of the event store, which was restored to an earlier point": (
            relay.position is not None and relay.position > relay.head
        ),
        f"{name}: the relay is {relay.lag_events} events behind": relay.lag_events > most.lag_events,
        f"{name}: {service.parked} events are parked": service.parked > 0,
        f"{name}: {service.outbox.failed} effects could not be sent": service.outbox.failed > 0,
        f"{name}: effects wait since {service.outbox.overdue_seconds:.0f} s": (
            service.outbox.overdue_seconds > most.lag_seconds
        ),
    }
    found |= {f"{name}: there is no topic {topic}": True for topic in service.missing_topics}
    for handler in (*service.projections, *service.automations):
        found[f"{name}: {handler.name} is stalled"] = handler.state == "stalled"
        found[f"{name}: {handler.name} is {handler.lag_events} events behind"] = handler.lag_events > most.lag_events
    return [sentence for sentence, is_so in found.items() if is_so]
