"""Parked events: grouped, shown, retried and discarded by operators; a dry run changes nothing."""

import pytest

from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually
from tests.integration.pipeline.operators import Operator, is_parked, last_act, parked, repaired, stored_now
from tests.integration.pipeline.test_views import saw

pytestmark = [pytest.mark.anyio, pytest.mark.servers]


async def test_parked_events_are_grouped_retried_and_parked_again_while_the_handler_is_broken(
    service: Toy, worker: ToyWorker, operator: Operator
) -> None:
    stream = service.stream("a")
    await service.count("a", 1, 13, 2)
    await eventually(is_parked(service, stream, 1, 2))
    told = await operator.json("parked", "list")
    [group] = told["groups"]
    assert operator.code == 2
    assert set(group) == {
        "fingerprint", "service", "handler", "type", "reason", "streams", "events", "waiting", "attempts", "first_at",
        "last_at",
    }  # fmt: skip
    counts = ("service", "handler", "streams", "events", "waiting")
    assert [group[name] for name in counts] == ["toy", "tallies", 1, 2, 1]
    shown = await operator.json("parked", "show", group["fingerprint"])
    assert [event["revision"] for event in shown["events"]] == [1, 2]
    assert shown["contents"][0]["data"]["keeper"] == "(hidden)"

    before = await stored_now(service), await parked(service, stream), await service.document("a")
    dry = await operator.json("parked", "retry", group["fingerprint"])
    assert (dry["dry_run"], dry["released"], operator.code) == (True, 2, 0)
    assert before == (await stored_now(service), await parked(service, stream), await service.document("a"))

    again = await operator.json("parked", "retry", group["fingerprint"], "--yes")
    assert (again["dry_run"], again["parked_again"], operator.code) == (False, 2, 2)
    row = await service.running.db["parked"].find_one({"stream": stream, "revision": 1})
    assert row is not None
    assert row["attempts"] > group["attempts"]
    act = await last_act(service)
    assert (act.command, act.dry_run, act.counts) == (
        "parked retry", False, {"streams": 1, "events": 2, "parked_again": 2},
    )  # fmt: skip


async def test_a_retry_with_mended_code_folds_the_gap_at_once_with_what_came_meanwhile(
    service: Toy, worker: ToyWorker, operator: Operator
) -> None:
    stream = service.stream("a")
    await service.count("a", 1, 13, 2)
    await eventually(is_parked(service, stream, 1, 2))
    fingerprint = (await operator.json("parked", "list"))["groups"][0]["fingerprint"]
    operator.catalogue = repaired()
    # The worker still remembers for up to 5 s that the stream is parked, and parks this one behind it.
    await service.count("a", 4, after=2)
    told = await operator.json("parked", "retry", fingerprint, "--stream", stream, "--yes")
    assert (told["parked_again"], operator.code) == (0, 0)
    document = await service.document("a")
    assert document is not None
    assert (document["steps"], document["_rev"]) == ([1, 13, 2, 4], 3)
    assert await parked(service, stream) == []


async def test_a_discarded_event_is_stepped_over_kept_and_accounted_for(
    service: Toy, worker: ToyWorker, operator: Operator
) -> None:
    await service.count("a", 13, 2)
    await service.count("b", 1, 13, 2)
    for local_id, revisions in (("a", (0, 1)), ("b", (1, 2))):
        await eventually(is_parked(service, service.stream(local_id), *revisions))
    fingerprint = (await operator.json("parked", "list"))["groups"][0]["fingerprint"]
    assert await operator.json("parked", "discard", fingerprint) is None
    assert operator.code == 1, "a reason is needed"
    told = await operator.json("parked", "discard", fingerprint, "--reason", "a test event", "--yes")
    assert (told["discarded"], told["released"], told["parked_again"]) == (2, 4, 0)
    documents = [await service.document(local_id) for local_id in ("a", "b")]
    assert [(d and d["steps"], d and d["_rev"]) for d in documents] == [([2], 1), ([1, 2], 2)]
    kept = [row async for row in service.running.db["discarded"].find({"stream": service.stream("b")})]
    assert [(row["revision"], row["why"]) for row in kept] == [(1, "a test event")]
    assert (await last_act(service)).reason == "a test event"
    await service.count("b", 5, after=2)
    await eventually(saw(service, "b", 3))


async def test_a_retried_automation_reacts_once(service: Toy, worker: ToyWorker, operator: Operator) -> None:
    stream = service.stream("a")
    await service.count("a", 31)
    await eventually(is_parked(service, stream, 0))
    [group] = (await operator.json("parked", "list"))["groups"]
    assert group["handler"] == "when_three_counted_then_praise"
    operator.catalogue = repaired()
    for code in (0, 1):  # the second time nothing is parked any more
        await operator.json("parked", "retry", group["fingerprint"], "--yes")
        assert operator.code == code
    rows = [row async for row in service.running.db["outbox"].find({"_clinic": service.clinic})]
    assert len(rows) == 1
    assert await service.running.db["inbox"].count_documents({"_clinic": service.clinic}) == 1


async def test_more_than_the_limit_needs_the_exact_count(service: Toy, worker: ToyWorker, operator: Operator) -> None:
    stream = service.stream("a")
    await service.count("a", 13, 1, 1)
    await eventually(is_parked(service, stream, 0, 1, 2))
    fingerprint = (await operator.json("parked", "list"))["groups"][0]["fingerprint"]
    reason = ("--reason", "x")
    for caution in (("--limit", "2"), ("--limit", "2", "--count", "2"), ("--count", "4")):
        await operator.json("parked", "discard", fingerprint, *reason, "--yes", *caution)
        assert operator.code == 1
    assert await parked(service, stream) == [0, 1, 2]
    await operator.json("parked", "discard", fingerprint, *reason, "--yes", "--limit", "2", "--count", "3")
    assert operator.code == 0
