"""Events that nobody can read or hold: parked or passed over within seconds, the others flow (reliability B.2, test 7).

They are put into the event store as they are, and so take the whole way: relay, topic, worker.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import httpx2
import pytest
from esdbclient import NewEvent, StreamState

from shared.chassis import kafka
from shared.chassis.personal_data import MARK
from shared.chassis.topic_settings import set_settings
from shared.events.topics import Topic
from tests.integration.faults.accounts import TOPIC, WITHIN
from tests.integration.faults.conftest import Stack
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually, metadata
from tests.integration.pipeline.operators import Operator
from tests.integration.pipeline.test_views import saw

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]
COUNTED = "toy.Counted.v1"
DEEP = b"[" * 10_000 + b"]" * 10_000
UNREADABLE = {
    "not JSON": b'{"clinic_id": "c", "step": ',
    "nothing": b"",
    "no object": b"[1, 2]",
    "10,000 deep": b'{"clinic_id": "c", "step": ' + DEEP + b"}",
    "10,000 deep beside something sealed": b'{"keeper": {"%s": "k"}, "step": ' % MARK.encode() + DEEP + b"}",
    "not a number": b'{"clinic_id": "c", "step": NaN}',
    "a lone surrogate": b'{"clinic_id": "c", "step": 1, "keeper": "\\ud800"}',
    "a lone surrogate in UTF-8": b'{"clinic_id": "c", "step": 1, "keeper": "\xed\xa0\x80"}',
    "a lone surrogate in a name": b'{"clinic_id": "c", "step": 1, "\\udfff": 1}',
}
LARGE = 300_000
"""Bytes: more than a batch of the relay has, less than an append may."""


async def put(service: Toy, local_id: str, data: bytes, type_name: str = COUNTED) -> None:
    """Append without the codec, as another program might."""
    event = NewEvent(type_name, data, metadata(service.clinic).model_dump_json().encode(), id=uuid4())
    client = service.running.store._client
    await client.append_to_stream(service.stream(local_id), current_version=StreamState.ANY, events=[event])


def both_parked(service: Toy) -> Callable[[], Awaitable[bool]]:
    """By the view: the event that cannot be read, and the one behind it."""
    where = {"stream": service.stream("bad"), "handler": "tallies"}

    async def ask() -> bool:
        rows = service.running.db["parked"].find(where).sort("revision", 1)
        return [row["revision"] async for row in rows] == [1, 2]

    return ask


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_an_event_that_cannot_be_read_is_parked_and_only_its_stream_waits(
    service: Toy, worker: ToyWorker, data: bytes
) -> None:
    await service.count("bad", 1)
    await put(service, "bad", data)
    await service.count("bad", 2, after=1)
    await service.count("good", 1, 2)
    await eventually(both_parked(service), WITHIN)
    await eventually(saw(service, "good", 1), WITHIN)
    found = await service.document("bad")
    assert found is not None
    assert (found["steps"], found["_rev"]) == ([1], 0)


@pytest.mark.parametrize("type_name", ["toy.Counted.v9", "toy.Unheard.v1", "elsewhere.Counted.v1"])
async def test_an_event_of_a_type_or_version_that_nobody_knows_is_stepped_over(
    service: Toy, worker: ToyWorker, type_name: str
) -> None:
    """It may come from a newer release, and what it means for a view is that release's matter, by a rebuild."""
    await service.count("a", 1)
    await put(service, "a", b"{}", type_name)
    await service.count("a", 2, after=1)
    await eventually(saw(service, "a", 2), WITHIN)
    found = await service.document("a")
    assert found is not None
    assert found["steps"] == [1, 2]
    assert await service.running.db["parked"].count_documents({"stream": service.stream("a")}) == 0


async def test_an_unreadable_event_is_discarded_and_its_stream_goes_on(service: Toy, worker: ToyWorker) -> None:
    """No repair of code makes it readable: the operator lets the stream go on without it."""
    operator = Operator()
    await service.running.db["parked"].delete_many({})
    await service.count("bad", 1)
    await put(service, "bad", b"{")
    await service.count("bad", 2, after=1)
    await eventually(both_parked(service), WITHIN)
    groups = (await operator.json("parked", "list"))["groups"]
    for group in groups:
        if group["handler"] == "tallies":
            await operator.json("parked", "discard", group["fingerprint"], "--reason", "not an event", "--yes")
    found = await service.document("bad")
    assert found is not None
    assert (found["steps"], found["_rev"]) == ([1, 2], 2)


@pytest.fixture
async def small_records(stack: Stack, worker: ToyWorker) -> AsyncIterator[None]:
    """The topic takes records of 300,000 bytes at most, as if somebody had set it so while the relay ran."""
    smaller = Topic(TOPIC, settings={**toy.TOPICS[0].settings, "max.message.bytes": str(LARGE)})
    await set_settings(stack.servers.kafka, [smaller])
    yield
    await set_settings(stack.servers.kafka, [toy.TOPICS[0]])
    worker.stop()


async def test_an_event_that_no_record_can_hold_is_passed_over_and_read_from_the_event_store(
    stack: Stack, service: Toy, worker: ToyWorker, small_records: None
) -> None:
    """The relay would stop for ever at it. It counts it and goes on; the stream's next event shows the gap."""
    assert await kafka.largest_record(stack.servers.kafka, TOPIC) == LARGE
    await service.count("large", 1)
    event = toy.Counted(clinic_id=service.clinic, step=2, keeper="x" * LARGE)
    await service.append(service.stream("large"), 0, event)
    await service.count("good", 1)
    await eventually(saw(service, "good", 0), WITHIN)
    await service.count("large", 4, after=1)
    await eventually(saw(service, "large", 2), WITHIN)
    found = await service.document("large")
    assert found is not None
    assert found["steps"] == [1, 2, 4]
    assert 'vetwire_relay_passed_over_total{service="toy"} ' in httpx2.get(f"{worker.url}/metrics").text
