"""What operators see: status, events, and the past. Shapes and exit codes are for scripts, so they are pinned."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.chassis import clock
from shared.chassis.event_store import Append
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually, metadata
from tests.integration.pipeline.operators import Operator, counted, last_act
from tests.integration.pipeline.test_views import saw

pytestmark = [pytest.mark.anyio, pytest.mark.servers]


async def test_a_healthy_service_is_fine(service: Toy, worker: ToyWorker, operator: Operator) -> None:
    await counted(service, "a", 1, 2)

    async def fine() -> bool:
        await operator.json("status")
        return operator.code == 0

    await eventually(fine)
    told = await operator.json("status")
    assert set(told) == {"at", "services", "alarms"}
    [toys] = told["services"]
    assert set(toys) == {
        "service", "relay", "read_at", "missing_topics", "partitions", "projections", "automations", "parked", "outbox",
    }  # fmt: skip
    assert set(toys["relay"]) == {
        "state", "position", "head", "lag_events", "lag_is_at_least", "lag_seconds", "holder", "lease",
    }  # fmt: skip
    assert (toys["relay"]["state"], toys["relay"]["lease"], toys["relay"]["lag_events"]) == ("alive", "held", 0)
    assert {name for each in toys["partitions"] for name in each} == {
        "topic", "partition", "position", "end", "lag_events", "lag_seconds",
    }  # fmt: skip
    assert [(each["name"], each["state"], each["topics"]) for each in toys["projections"]] == [
        ("tallies", "alive", ["toy.events"])
    ]
    assert [each["name"] for each in toys["automations"]] == ["when_three_counted_then_praise"]
    assert set(toys["outbox"]) == {"pending", "failed", "overdue_seconds"}
    assert "all is well" in await operator.text("status", "toy")


async def test_a_killed_worker_is_an_alarm_and_its_lag_is_counted(
    service: Toy, worker: ToyWorker, operator: Operator
) -> None:
    await counted(service, "a", 1)
    worker.kill()
    try:
        await service.count("a", 2, 3, after=0)

        async def noticed() -> bool:
            told = await operator.json("status", "--max-lag-seconds", "0.1")
            return bool(told["services"][0]["relay"]["lease"] == "free")

        await eventually(noticed)
        told = await operator.json("status", "--max-lag-seconds", "0.1")
        assert operator.code == 2
        assert "toy: nobody relays" in told["alarms"]
        relay = told["services"][0]["relay"]
        assert (relay["state"], relay["lag_events"], relay["holder"]) == ("stalled", 2, None)
        assert relay["lag_seconds"] > 0
        assert relay["head"] > relay["position"]
        assert (await operator.json("relay", "status"))["relays"]["toy"]["lease"] == "free"
        assert operator.code == 2
    finally:
        worker.start()
    await eventually(saw(service, "a", 2))


async def test_an_unknown_service_is_an_error(service: Toy, operator: Operator) -> None:
    assert await operator.json("status", "nobody") is None
    assert operator.code == 1
    assert await operator.text("status", "--bogus") == ""
    assert operator.code == 1, "2 is for alarms"


async def test_streams_events_and_one_event(service: Toy, worker: ToyWorker, operator: Operator) -> None:
    await counted(service, "a", 1, 2)
    found = await operator.json("events", "streams", f"tally-{service.clinic}.")
    assert found["complete"]
    assert [(s["stream"], s["events"], s["last_type"]) for s in found["streams"]] == [
        (service.stream("a"), 2, "toy.Counted.v1")
    ]
    told = await operator.json("events", "stream", service.stream("a"), "--from", "1")
    [event] = told["events"]
    assert set(event) == {
        "id", "type", "stream", "revision", "position", "recorded_at", "actor", "correlation_id", "causation_id",
        "personal", "data",
    }  # fmt: skip
    assert event["data"] == {"clinic_id": service.clinic, "step": 2, "keeper": "(hidden)"}
    assert (event["personal"], event["actor"], event["revision"]) == ("hidden", "system/test", 1)
    assert await operator.json("events", "event", event["id"]) == event
    assert operator.code == 0
    await operator.text("events", "event", str(uuid4()))
    assert operator.code == 1


async def test_streams_say_when_there_are_more(service: Toy, operator: Operator) -> None:
    for local_id in ("a", "b", "c"):
        await service.count(local_id, 1)
    prefix = f"tally-{service.clinic}."
    assert not (await operator.json("events", "streams", prefix, "--limit", "2"))["complete"]
    assert not (await operator.json("events", "streams", prefix, "--scan", "2"))["complete"]
    assert len((await operator.json("events", "streams", prefix, "--limit", "3"))["streams"]) == 3


async def test_personal_data_is_shown_to_an_operators_token_only(
    service: Toy, operator: Operator, token: Callable[[str], str]
) -> None:
    await service.count("a", 1)
    for wrong in (None, token("staff"), "nonsense"):
        operator.token = wrong
        assert "somebody" not in await operator.text("events", "stream", service.stream("a"), "--reveal")
        assert operator.code == 1
    operator.token = token("operator")
    told = await operator.json("events", "stream", service.stream("a"), "--reveal")
    assert told["events"][0]["data"]["keeper"] == "somebody"
    assert told["events"][0]["personal"] == "shown"
    act = await last_act(service)
    assert (act.operator, act.known_by, act.command) == ("operator-1", "token", "events stream")
    assert act.arguments == {"stream": service.stream("a"), "reveal": "True"}


async def test_the_tree_shows_what_led_to_what(service: Toy, worker: ToyWorker, operator: Operator) -> None:
    wish = f"wish-{service.clinic}"
    mine = metadata(service.clinic).model_copy(update={"correlation_id": wish})
    event = toy.Counted(clinic_id=service.clinic, step=3, keeper="somebody")
    await service.running.store.append(Append(service.stream("a"), -1, [(uuid4(), event)], mine))
    praise = f"praise-{service.clinic}.a"
    await eventually(lambda: service.running.store.read_stored(praise))
    by_wish = await operator.json("events", "tree", wish)
    [root] = by_wish["roots"]
    assert (by_wish["correlation_id"], by_wish["events"], by_wish["services"]) == (wish, 2, ["toy"])
    assert root["event"]["stream"] == service.stream("a")
    assert [each["event"]["stream"] for each in root["led_to"]] == [praise]
    assert await operator.json("events", "tree", root["led_to"][0]["event"]["id"]) == by_wish
    assert "toy.Praised.v1" in await operator.text("events", "tree", wish)


async def test_events_are_looked_for_from_the_newest_back_as_far_as_one_says(service: Toy, operator: Operator) -> None:
    await service.count("a", 1)
    found = (await service.running.store.read_stored(service.stream("a")))[0]
    await service.count("b", *range(4, 10))
    assert (await operator.json("events", "event", str(found.id), "--scan", "7"))["stream"] == found.stream
    for reach in (("--scan", "1"), ("--since", "2999-01-01T00:00:00Z")):
        assert await operator.json("events", "event", str(found.id), *reach) is None
        assert operator.code == 1
    assert await operator.json("events", "event", str(found.id), "--since", "yesterday") is None
    assert await operator.json("events", "event", "no-id") is None
    assert operator.code == 1


async def test_a_tree_ends_a_while_before_the_command_that_began_it(service: Toy, operator: Operator) -> None:
    """Ten minutes: one id may be given to several commands, but a whole history need not be read for it."""
    wish, now = f"wish-{service.clinic}", clock.now()
    for local_id, minutes in (("long-ago", 30), ("before", 5), ("begun", 0)):
        mine = metadata(service.clinic).model_copy(
            update={"correlation_id": wish, "recorded_at": now - timedelta(minutes=minutes)}
        )
        event = toy.Counted(clinic_id=service.clinic, step=1)
        await service.running.store.append(Append(service.stream(local_id), -1, [(uuid4(), event)], mine))
    told = await operator.json("events", "tree", wish)
    assert [root["event"]["stream"] for root in told["roots"]] == [service.stream("before"), service.stream("begun")]


async def test_state_and_document_as_of_any_moment(
    service: Toy, worker: ToyWorker, operator: Operator, token: Callable[[str], str]
) -> None:
    await counted(service, "a", 1, 3)
    stored = await service.running.store.read_stored(service.stream("a"))
    key = f"{service.clinic}.a"
    for moment in (("--at-revision", "0"), ("--at-position", str(stored[0].position))):
        past = await operator.json("document", "toy", "tallies", key, *moment)
        assert past["value"] == {"total": 1, "steps": [1], "keeper": None}
        assert (past["revision"], past["personal"]) == (0, "hidden")
    now = await operator.json("document", "toy", "tallies", key)
    assert set(now) == {"stream", "what", "revision", "position", "recorded_at", "personal", "value"}
    assert now["value"]["steps"] == [1, 3]
    await operator.json("document", "toy", "tallies", key, "--at-time", "2020-01-01")
    assert operator.code == 1, "there was nothing then"
    await operator.json("document", "toy", "tallies", key, "--at-time", "2020-01-01", "--at-revision", "1")
    assert operator.code == 1
    operator.token = token("operator")
    shown = await operator.json("document", "toy", "tallies", key, "--reveal")
    assert (shown["value"]["keeper"], shown["personal"]) == ("somebody", "shown")

    praise = f"praise-{service.clinic}.a"
    await eventually(lambda: service.running.store.read_stored(praise))
    state = await operator.json("state", praise)
    assert (state["what"], state["value"], state["revision"]) == ("bool", True, 0)
    await operator.json("state", f"nothing-{service.clinic}.a")
    assert operator.code == 1
