"""Processes die, Kafka is wiped, the database forgets: the views end up equal to a fresh fold (design 8, 11, 12)."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from shared.chassis import kafka
from shared.chassis.event_store import Append
from shared.chassis.lease import Fenced, Lease
from shared.chassis.relay import Relay
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually, metadata
from tests.integration.pipeline.toy import TOPICS

pytestmark = [pytest.mark.anyio, pytest.mark.servers]
STREAMS = 400
CATCHING_UP = 120.0  # seconds: every event has a journaled inbox row of its own, on a disk that others use too


async def count_many(service: Toy, prefix: str, streams: int = STREAMS) -> None:
    appends = [
        Append(
            service.stream(f"{prefix}{n}"),
            -1,
            [(uuid4(), toy.Counted(clinic_id=service.clinic, step=step)) for step in (1, 2)],
            metadata(service.clinic),
        )
        for n in range(streams)
    ]
    assert await service.running.store.append_many(appends) == [1] * streams


def all_visible(service: Toy, streams: int) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        mine = {"_clinic": service.clinic, "_rev": 1, "steps": [1, 2]}
        return await service.running.db["tallies"].count_documents(mine) == streams

    return ask


async def test_a_killed_worker_loses_and_doubles_nothing(service: Toy, worker: ToyWorker) -> None:
    await count_many(service, "before")
    worker.kill()
    await count_many(service, "while")
    worker.start()
    await eventually(all_visible(service, 2 * STREAMS), CATCHING_UP)


async def test_wiping_kafka_and_the_positions_heals_without_a_second_effect(service: Toy, worker: ToyWorker) -> None:
    """Rule 8: the topic is made anew, and the relay goes back to what the broker has lost."""
    await service.count("prize", 3)
    await count_many(service, "x", 50)
    await eventually(all_visible(service, 50), CATCHING_UP)
    await eventually(lambda: mails(service, 1), CATCHING_UP)
    worker.stop()
    admin = AIOKafkaAdminClient(bootstrap_servers=service.running.settings.kafka)
    await admin.start()
    await admin.delete_topics(["toy.events"])
    await admin.close()
    await eventually(lambda: topic_is_made(service))
    await count_many(service, "y", 50)
    worker.start()
    await eventually(all_visible(service, 100), CATCHING_UP)
    outbox = service.running.db["outbox"]
    assert await outbox.count_documents({"_clinic": service.clinic}) == 1
    praised = await service.running.store.read_stored(f"praise-{service.clinic}.prize")
    assert len(praised) == 1


async def mails(service: Toy, number: int) -> bool:
    """Whether that many were asked for. More would be wrong at any time."""
    found = await service.running.db["outbox"].count_documents({"_clinic": service.clinic})
    assert found <= number
    return found == number


async def topic_is_made(service: Toy) -> bool:
    """The broker deletes in the background: make the topic again once it is gone."""
    made = await kafka.ensure_topics(service.running.settings.kafka, toy.TOPICS)
    return "toy.events" in made


async def test_a_dropped_read_model_is_built_again_from_the_topic(service: Toy, worker: ToyWorker) -> None:
    """The positions live beside the views: both gone, everything is read again, and no effect leaves twice."""
    await service.count("prize", 3)
    await eventually(lambda: mails(service, 1), CATCHING_UP)
    worker.stop()
    for name in ("tallies", "positions"):
        await service.running.db.drop_collection(name)
    worker.start()
    await service.count("prize", 3, after=0)
    await eventually(lambda: mails(service, 2), CATCHING_UP)
    found = await service.document("prize")
    assert found is not None
    assert found["steps"] == [3, 3]


async def test_a_relay_starts_on_a_topic_that_others_wrote_to(service: Toy, worker: ToyWorker) -> None:
    """It cannot tell what is before such a record, and publishes again; readers drop what they have seen."""
    await service.count("a", 1)
    await eventually(lambda: service.document("a"))
    async with kafka.producer(service.running.settings.kafka, "test") as producer:
        for partition in range(TOPICS[0].partitions):
            await producer.send_and_wait(TOPICS[0].name, key=b"x", value=b"foreign", partition=partition)
    worker.stop()
    worker.start()
    await service.count("b", 1)
    await eventually(lambda: service.document("b"))


async def test_only_one_holds_the_lease_and_the_old_holder_is_fenced(service: Toy) -> None:
    leases = service.running.db["leases"]
    first, second = Lease(leases, service.clinic, "a"), Lease(leases, service.clinic, "b")
    assert await first.acquire() is not None
    assert await second.acquire() is None
    await first.release()
    assert await second.acquire() is not None
    with pytest.raises(Fenced):
        await first.save({"position": 1})


async def test_two_relays_do_not_publish_at_once(service: Toy, worker: ToyWorker) -> None:

    running = service.running
    spare = Relay("toy", running.store, running.db, running.settings.kafka, (toy.Counted,), "spare")
    assert await spare._lease.acquire() is None
