"""What operators change besides parked events: the relay, topics, and a person who is erased."""

from dataclasses import replace

import pytest

from ops.vetwire.served import Catalogue
from shared.chassis import kafka
from shared.chassis.topic_settings import set_settings
from shared.events.envelope import StoredEvent
from shared.events.topics import Topic
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually
from tests.integration.pipeline.operators import SERVED, Operator, counted, last_act, stored_now

pytestmark = [pytest.mark.anyio, pytest.mark.servers]


async def test_a_rewound_relay_publishes_again_and_nothing_changes(
    service: Toy, worker: ToyWorker, operator: Operator
) -> None:
    await counted(service, "a", 1, 2)
    before = (await operator.json("relay", "status", "toy"))["relays"]["toy"]
    assert operator.code == 0
    first: StoredEvent = (await service.running.store.read_stored(service.stream("a")))[0]
    to = ("relay", "rewind", "toy", "--to", str(first.position))
    dry = await operator.json(*to)
    assert (dry["dry_run"], dry["events"], dry["from_position"]) == (True, 1, before["position"])
    assert (await operator.json("relay", "status"))["relays"]["toy"]["position"] == before["position"]
    ends = await records(service)
    done = await operator.json(*to, "--yes")
    assert (done["dry_run"], done["position"], operator.code) == (False, first.position, 0)

    async def published_again() -> bool:
        return await records(service) == ends + 1

    await eventually(published_again)
    await counted(service, "b", 1)
    document = await service.document("a")
    assert document is not None
    assert document["steps"] == [1, 2]
    await operator.json("relay", "rewind", "toy", "--to", str(10**12))
    assert operator.code == 1, "never forward: that would leave events out"


async def records(service: Toy) -> int:
    return sum((await kafka.ends(service.running.settings.brokers, ["toy.events"])).values())


async def test_topics_are_compared_created_and_set(service: Toy, operator: Operator) -> None:
    topic = Topic(f"{service.clinic}.events")
    operator.catalogue = Catalogue((SERVED,), (topic,))
    told = await operator.json("topics", "check")
    assert (told["topics"], operator.code) == (1, 2)
    assert told["differences"] == [
        {"topic": topic.name, "what": "topic", "name": topic.name, "wanted": "exists", "found": None}
    ]
    assert (await operator.json("topics", "apply"))["created"] == [topic.name]
    await operator.json("topics", "check")
    assert operator.code == 2, "it was a dry run"
    await operator.json("topics", "apply", "--yes")
    assert await operator.json("topics", "check") == {"topics": 1, "differences": []}
    assert operator.code == 0

    await set_settings(service.running.settings.brokers, [Topic(topic.name, settings={"retention.ms": "1000"})])
    told = await operator.json("topics", "check")
    assert {"retention.ms": "1000"}.items() <= {d["name"]: d["found"] for d in told["differences"]}.items()
    assert (await operator.json("topics", "apply", "--yes"))["set"] == [topic.name]
    await operator.json("topics", "check")
    assert operator.code == 0
    operator.catalogue = Catalogue((SERVED,), (replace(topic, partitions=9),))
    await operator.json("topics", "apply", "--yes")
    assert operator.code == 1


async def test_an_erased_person_is_confirmed_by_every_service(
    service: Toy, worker: ToyWorker, operator: Operator
) -> None:
    for local_id in ("a", "b"):
        await counted(service, local_id, 1)
    subject = f"keeper:{service.clinic}"
    before = await stored_now(service)
    dry = await operator.json("erase", subject)
    assert set(dry) == {"subject", "dry_run", "had_key", "key_destroyed_at", "event", "services", "complete"}
    assert (dry["dry_run"], dry["had_key"], dry["services"][0]["held"]) == (True, True, 2)
    assert await stored_now(service) == before
    document = await service.document("a")
    assert document is not None
    assert document["keeper"] == "somebody"

    receipt = await operator.json("erase", subject, "--yes")
    assert (operator.code, receipt["complete"], receipt["event"]) == (0, True, f"forgetting-{service.clinic}@0")
    [toys] = receipt["services"]
    assert (toys["service"], toys["held"], toys["holds"]) == ("toy", 2, 0)
    assert toys["confirmed_at"] >= receipt["key_destroyed_at"]
    rows = [row async for row in service.running.db["tallies"].find({"_clinic": service.clinic})]
    assert [(row["keeper"], row["steps"], "_subjects" in row) for row in rows] == [(None, [1], False)] * 2
    assert (await last_act(service)).arguments == {"subject": subject}


async def test_a_person_of_no_kind_is_not_erased(service: Toy, operator: Operator) -> None:
    await operator.json("erase", f"keper:{service.clinic}", "--yes")
    assert operator.code == 1
