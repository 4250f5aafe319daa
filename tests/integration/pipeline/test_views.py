"""From the event store over Kafka into MongoDB: what a view promises, whatever happens on the way (design 7-13)."""

from collections.abc import Awaitable, Callable

import httpx2
import pytest
from aiokafka import AIOKafkaProducer

from shared.chassis import kafka
from shared.chassis.parking import Parking
from shared.chassis.views import Seen, Views
from shared.events.cloudevents import to_headers
from shared.events.envelope import StoredEvent
from shared.events.topics import events_topic
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually

pytestmark = [pytest.mark.anyio, pytest.mark.servers]


def saw(service: Toy, local_id: str, revision: int) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        found = await service.document(local_id)
        return found is not None and found["_rev"] >= revision

    return ask


async def publish_again(service: Toy, local_id: str, *revisions: int) -> None:
    """What a relay does that starts from an older position."""
    stored = await service.running.store.read_stored(service.stream(local_id))
    async with kafka.producer(service.running.settings.kafka, "test") as producer:
        for revision in revisions:
            await _send(producer, stored[revision])


async def _send(producer: AIOKafkaProducer, event: StoredEvent) -> None:
    headers = to_headers(event, "/toy")
    await producer.send_and_wait(events_topic("toy"), key=event.stream.encode(), value=event.data, headers=headers)


async def test_what_is_appended_becomes_visible_in_order(service: Toy, worker: ToyWorker) -> None:
    await service.count("a", 1, 2)
    await service.count("a", 4, after=1)
    await eventually(saw(service, "a", 2))
    found = await service.document("a")
    assert found is not None
    assert (found["steps"], found["total"], found["_clinic"]) == ([1, 2, 4], 7, service.clinic)


async def test_personal_fields_are_ciphertext_in_the_store_and_plain_in_the_view(
    service: Toy, worker: ToyWorker
) -> None:
    await service.count("a", 1)
    await eventually(saw(service, "a", 0))
    found = await service.document("a")
    stored = await service.running.store.read_stored(service.stream("a"))
    assert found is not None
    assert found["keeper"] == "somebody"
    assert b"somebody" not in stored[0].data


async def test_a_repeated_record_is_dropped(service: Toy, worker: ToyWorker) -> None:
    await service.count("a", 1, 2)
    await eventually(saw(service, "a", 1))
    await publish_again(service, "a", 0, 1, 0)
    await service.count("a", 5, after=1)
    await eventually(saw(service, "a", 2))
    found = await service.document("a")
    assert found is not None
    assert found["steps"] == [1, 2, 5]


async def test_a_gap_is_closed_from_the_event_store(service: Toy, worker: ToyWorker) -> None:
    """`Hidden` is not published: the next event arrives with a revision that leaves it out."""
    await service.append(service.stream("a"), -1, toy.Hidden(clinic_id=service.clinic))
    await service.count("a", 1, after=0)
    await service.append(service.stream("a"), 1, toy.Hidden(clinic_id=service.clinic))
    await service.count("a", 2, after=2)
    await eventually(saw(service, "a", 3))
    found = await service.document("a")
    assert found is not None
    assert found["steps"] == [1, 2]


async def test_a_document_that_is_gone_does_not_come_back_with_an_old_record(service: Toy, worker: ToyWorker) -> None:
    await service.count("a", 1, 0)
    await eventually(saw(service, "a", 1))
    await publish_again(service, "a", 0)
    await service.count("b", 1)
    await eventually(saw(service, "b", 0))
    views = Views(service.running.db)
    assert await views.get(toy.TALLIES, service.clinic, "a") is None
    assert await views.count(toy.TALLIES, service.clinic) == 1


async def test_a_failing_handler_parks_its_stream_and_no_other(service: Toy, worker: ToyWorker) -> None:
    await service.count("bad", 1, 13, 2)
    await service.count("good", 1)
    await eventually(saw(service, "good", 0))
    rows = service.running.db["parked"].find({"stream": service.stream("bad")}).sort("revision", 1)

    async def both_parked() -> bool:
        return await service.running.db["parked"].count_documents({"stream": service.stream("bad")}) == 2

    await eventually(both_parked)
    parked = [(row["revision"], row["reason"]) async for row in rows]
    assert [revision for revision, _ in parked] == [1, 2]
    assert parked[0][1].startswith("ArithmeticError in evolve (toy.py:")
    assert parked[1][1] == "waits behind a parked event"
    found = await service.document("bad")
    assert found is not None
    assert found["steps"] == [1]


async def test_a_released_stream_catches_up_from_the_event_store(
    service: Toy, worker: ToyWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event parked by mistake: released, the next record of the stream brings everything."""
    await service.count("a", 1)
    await eventually(saw(service, "a", 0))
    stored = await service.running.store.read_stored(service.stream("a"))

    async def quiet(*_: object) -> None: ...

    parking = Parking("toy", service.running.db, quiet)
    await parking.park("tallies", stored[0], "by mistake")
    assert await parking.release("tallies", service.stream("a")) == [0]
    await parking.forget("tallies", service.stream("a"))
    await service.count("a", 2, after=0)
    await eventually(saw(service, "a", 1))


async def test_a_record_that_is_no_event_does_not_stop_the_worker(service: Toy, worker: ToyWorker) -> None:
    async with kafka.producer(service.running.settings.kafka, "test") as producer:
        for value in (b"{", b"\x00\xff", b"[" * 10_000, b"{}"):
            await producer.send_and_wait(events_topic("toy"), key=b"x", value=value)
    await service.count("a", 1)
    await eventually(saw(service, "a", 0))


async def test_an_event_whose_content_is_broken_is_parked(service: Toy, worker: ToyWorker) -> None:
    await service.count("a", 1)
    stored = (await service.running.store.read_stored(service.stream("a")))[0]
    headers = [(n, v if n != "ce_streamrevision" else b"1") for n, v in to_headers(stored, "/toy")]
    async with kafka.producer(service.running.settings.kafka, "test") as producer:
        for value in (b"not json", b'{"step": "NaN"}'):
            await producer.send_and_wait(events_topic("toy"), key=stored.stream.encode(), value=value, headers=headers)

    async def parked() -> bool:
        return await service.running.db["parked"].count_documents({"stream": service.stream("a")}) > 0

    await eventually(parked)


async def test_a_reader_waits_for_its_own_write(service: Toy, worker: ToyWorker) -> None:
    revision = await service.count("a", 1, 2, 3)
    shown = await Views(service.running.db).get(
        toy.TALLIES, service.clinic, "a", after=Seen(service.stream("a"), revision)
    )
    assert shown is not None
    assert shown.revision == 2


async def test_lag_and_work_are_measured(service: Toy, worker: ToyWorker) -> None:
    await service.count("a", 1)
    await eventually(saw(service, "a", 0))
    text = httpx2.get(f"{worker.url}/metrics").text
    assert 'vetwire_projection_events_total{projection="tallies",service="toy"}' in text
    assert 'vetwire_relay_published_total{service="toy"}' in text


async def test_a_document_that_cannot_be_written_is_parked_and_blocks_nobody(service: Toy, worker: ToyWorker) -> None:
    """MongoDB has no integer beyond 64 bits."""
    await service.count("big", 1, 2**63 - 1)
    await service.count("good", 1)
    await eventually(saw(service, "good", 0))

    async def parked() -> bool:
        row = await service.running.db["parked"].find_one({"stream": service.stream("big")})
        return row is not None and row["reason"].startswith("not for MongoDB: ")

    await eventually(parked)
