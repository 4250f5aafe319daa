"""What must hold after every fault: each event on the topic, each view a fold of its stream, each effect once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

from shared.chassis import kafka
from shared.chassis.relay import Relay
from shared.chassis.verifying import verify
from shared.events.cloudevents import NotACloudEvent, from_record
from shared.events.envelope import StoredEvent
from shared.events.topics import events_topic
from shared.kernel.streams import clinic_of
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, eventually

TOPIC = events_topic(toy.SERVICE)
A_PRIZE = 3
WITHIN = 180.0
NOTICED = 30.0  # seconds: an append that took longer has noticed something, on the slowest of machines


@dataclass
class Writer:
    """Appends 50 events/s to streams of the service's clinic, every 20th of which asks for a mail and a command."""

    service: Toy
    streams: int = 20
    rate: float = 50.0
    written: int = 0
    slowest: float = 0.0
    stopping: bool = False

    async def write(self) -> None:
        """Until `stopping` is set: one that is cancelled may still be stored. An append that fails ends it."""
        begun = monotonic()
        at: Counter[str] = Counter()
        while not self.stopping:
            local_id = f"w{self.written % self.streams}"
            step = A_PRIZE if self.written % 20 == 7 else 1
            started = monotonic()
            await self.service.count(local_id, step, after=at[local_id] - 1)
            self.slowest = max(self.slowest, monotonic() - started)
            at[local_id] += 1
            self.written += 1
            await asyncio.sleep(max(0.0, begun + self.written / self.rate - monotonic()))

    async def until(self, more: int) -> None:
        """Until it has written so many more."""
        goal = self.written + more
        await eventually(lambda: _is(self.written >= goal), WITHIN)


async def all_is_well(service: Toy) -> None:
    """Wait until everything that was appended has arrived, then check it. Nothing may be appended meanwhile."""
    prizes = [e.stream for e in await stored(service) if b'"step":%d,' % A_PRIZE in e.data]
    await eventually(lambda: _caught_up(service), WITHIN)
    await eventually(lambda: _has_effects(service, len(prizes)), WITHIN)
    published = {event.id for event in await on_topic(service)}
    assert {event.id for event in await stored(service)} - published == set(), "lost on the way to the topic"
    tallies = service.running.db[toy.TALLIES.collection]
    found = await verify(service.running.store, tallies, toy.TALLIES, clinic=service.clinic)
    assert (found.wrong, found.missing, found.is_good) == ([], [], True)
    praised = Counter(e.stream for e in await stored(service) if e.stream.startswith("praise-"))
    assert list(praised.values()) == [1] * len(set(prizes))


async def stored(service: Toy) -> list[StoredEvent]:
    """The clinic's events that leave the service, as the event store has them."""
    types = "|".join(event.type_name for event in toy.SPEC.published)
    return [e async for e in service.running.store.scan(types=f"({types})$") if clinic_of(e.stream) == service.clinic]


async def on_topic(service: Toy) -> list[StoredEvent]:
    """The clinic's events in the order in which a reader of the topic meets those of a partition, repeats included."""
    bootstrap = service.running.settings.brokers
    found: list[StoredEvent] = []
    async for records in kafka.read_until(bootstrap, await kafka.ends(bootstrap, [TOPIC])):
        for record in records:
            try:
                event = from_record(record.value, record.headers)
            except NotACloudEvent:
                continue
            if clinic_of(event.stream) == service.clinic:
                found.append(event)
    return found


async def all_on_topic(service: Toy) -> bool:
    return {e.id for e in await stored(service)} <= {e.id for e in await on_topic(service)}


@asynccontextmanager
async def relaying(service: Toy) -> AsyncIterator[None]:
    """Only a relay, without a worker that reads."""
    running = service.running
    relay = Relay(toy.SERVICE, running.store, running.db, running.settings.brokers, toy.SPEC.published, "test")
    task = asyncio.ensure_future(relay.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _caught_up(service: Toy) -> bool:
    newest = {e.stream: e.revision for e in await stored(service) if e.stream.startswith("tally-")}
    rows = {r["_id"]: r["_rev"] async for r in service.running.db["tallies"].find({"_clinic": service.clinic})}
    return all(rows.get(stream.partition("-")[2], -1) >= revision for stream, revision in newest.items())


async def _has_effects(service: Toy, number: int) -> bool:
    """More than asked for would be wrong at any time."""
    found = await service.running.db["outbox"].count_documents({"_clinic": service.clinic})
    assert found <= number
    return found == number


async def _is(truth: bool) -> bool:
    return truth
