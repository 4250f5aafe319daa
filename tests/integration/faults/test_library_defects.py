"""Known defects of the libraries and servers underneath, each with the way in which the platform survives it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import OutOfOrderSequenceNumber

from shared.chassis import kafka
from shared.chassis.relay import own_types
from tests.integration.faults.accounts import WITHIN, all_is_well, all_on_topic, on_topic, relaying, stored
from tests.integration.faults.conftest import Stack
from tests.integration.faults.defective_toy import RAISING, SKIPPED
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually
from tests.integration.pipeline.test_views import saw

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]
ROUNDS = 40
RELAYS = 4


@pytest.fixture
def defective(stack: Stack, worker: ToyWorker, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ToyWorker]:
    """In the place of the sound worker, which comes back with the next test."""
    worker.stop()
    module = "tests.integration.faults.defective_toy"
    process = ToyWorker(stack.servers, tmp_path / "worker.log", module, VETWIRE_DEFECT=request.param)
    process.start()
    yield process
    if process.is_alive:
        process.stop()


@pytest.mark.parametrize("defective", ["faust-606"], indirect=True)
async def test_faust_606_an_exception_that_leaves_the_handler_acknowledges_nothing(
    service: Toy, worker: ToyWorker, defective: ToyWorker
) -> None:
    """faust-streaming #606 (open): Faust acknowledges what an exception leaves behind, and commits past what is not.

    So nothing is to escape. Whatever does all the same ends the process, before a later window can save a position;
    the next process starts from the positions beside the views.
    """
    await service.count("a", 1)
    await eventually(saw(service, "a", 0))
    await service.count("a", RAISING, 2, after=0)
    await service.count("b", 1)
    assert defective.ended() != 0
    await service.count("c", 1)
    worker.start()
    await all_is_well(service)


@pytest.mark.parametrize("defective", ["aiokafka-1173"], indirect=True)
async def test_aiokafka_1173_a_record_that_the_consumer_passes_over_is_read_from_the_event_store(
    service: Toy, worker: ToyWorker, defective: ToyWorker
) -> None:
    """aiokafka #1173 (open): the fetcher goes past a record that it holds too large, and only logs it.

    The record is the last of its stream here, so that no later revision shows a gap: the hole in the offsets does,
    with the next record of the partition, whatever stream that is of.
    """
    await service.count("a", 1)
    await eventually(saw(service, "a", 0))
    await service.count("a", SKIPPED, after=0)
    await eventually(lambda: all_on_topic(service), WITHIN)
    for number in range(4 * toy.TOPICS[0].partitions):
        await service.count(f"other{number}", 1)
    await eventually(saw(service, "a", 1), WITHIN)
    await all_is_well(service)


class StuckProducer:
    """After its first batch the broker refuses everything that it sends, as one whose sequence numbers are off."""

    made = 0

    def __init__(self, real: AIOKafkaProducer) -> None:
        StuckProducer.made += 1
        self._real = real
        self._batches = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def send_batch(self, *batch: Any, **where: Any) -> Any:
        self._batches += 1
        if self._batches > 1:
            raise OutOfOrderSequenceNumber("as in aiokafka #1017")
        return await self._real.send_batch(*batch, **where)


async def test_aiokafka_1017_a_producer_that_is_stuck_is_thrown_away(
    service: Toy, worker: ToyWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka #1017 (open): after a broker's blip an idempotent producer fails for ever, with every batch it sends.

    The relay keeps none that has failed: each new one gets a batch through here, and then the relay needs the next.
    """
    worker.stop()
    make = kafka.producer
    monkeypatch.setattr(StuckProducer, "made", 0)

    @asynccontextmanager
    async def stuck(*how: Any) -> AsyncIterator[Any]:
        async with make(*how) as producer:
            yield StuckProducer(producer)

    monkeypatch.setattr(kafka, "producer", stuck)
    async with relaying(service):
        for number in range(RELAYS):
            await service.count(f"s{number}", 1, 1)
            await eventually(lambda: all_on_topic(service), WITHIN)
    assert StuckProducer.made >= RELAYS
    worker.start()
    await all_is_well(service)


async def test_kurrentdb_4970_a_subscription_goes_on_with_the_very_next_event(service: Toy) -> None:
    """KurrentDB #4970 (fixed by #4975): a checkpoint of a filtered subscription may point past an event it never gave.

    No checkpoint is ever stored, only positions of events that were handled; events that the filter leaves out lie
    between them. Append, remember, start again, expect the next: any step over one shows.
    """
    store = service.running.store
    after = await store.head(own_types(toy.SERVICE))
    for number in range(ROUNDS):
        await service.append(f"noise-{service.clinic}.{number}", -1, *[toy.Hidden(clinic_id=service.clinic)] * 3)
        await service.count(f"s{number}", 1)
        async with store.subscribe(after, r"toy\.Counted\.v1") as events:
            event = await asyncio.wait_for(anext(aiter(events)), 30)
        assert event is not None, "caught up without the event"
        assert event.stream == service.stream(f"s{number}")
        after = event.position


@pytest.mark.thorough
async def test_kurrentdb_4970_a_relay_goes_on_with_the_very_next_event(service: Toy, worker: ToyWorker) -> None:
    """As above, of the relay: stopped whenever it has published, it leaves nothing out and repeats next to nothing."""
    worker.stop()
    for number in range(RELAYS):
        await service.append(f"noise-{service.clinic}.{number}", -1, *[toy.Hidden(clinic_id=service.clinic)] * 40)
        await service.count(f"s{number}", 1)
        async with relaying(service):
            await eventually(lambda: all_on_topic(service), WITHIN)
    published = Counter(event.id for event in await on_topic(service))
    assert published.keys() == {event.id for event in await stored(service)}
    assert published.total() <= len(published) + RELAYS, "what was published last may come again"
