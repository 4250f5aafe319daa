"""Effects that were given up: seen without what they say, and sent all the same when an operator asks."""

from uuid import uuid4

import pytest

from shared.chassis import clock
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually
from tests.integration.pipeline.operators import Operator, last_act

pytestmark = [pytest.mark.anyio, pytest.mark.servers]


async def given_up(service: Toy, number: int = 1) -> list[str]:
    rows = [
        {
            "_id": f"when_three_counted_then_praise/{uuid4()}/0",
            "_clinic": service.clinic,
            "mail": {"to": "somebody@clinic.example", "subject": "Three", "text": "a secret"},
            "state": "failed",
            "attempts": 10,
            "due": clock.now(),
            "error": "ConnectionRefusedError",
            "correlation_id": "wish",
        }
        for _ in range(number)
    ]
    await service.running.db["outbox"].insert_many(rows)
    return [str(row["_id"]) for row in rows]


async def test_what_was_given_up_is_an_alarm_and_told_without_its_words(service: Toy, operator: Operator) -> None:
    [effect] = await given_up(service)
    told = await operator.json("outbox", "list", "toy")
    assert operator.code == 2
    assert set(told) == {"pending", "failed", "effects"}
    [shown] = [each for each in told["effects"] if each["effect"] == effect]
    assert shown == {
        "service": "toy", "effect": effect, "clinic": service.clinic, "state": "failed", "attempts": 10, "due": None,
        "error": "ConnectionRefusedError", "correlation_id": "wish",
    }  # fmt: skip
    text = await operator.text("outbox", "list")
    assert ("somebody" in text, "a secret" in text, "1 were given up" in text) == (False, False, True)


async def test_it_is_sent_again_when_an_operator_says_so(service: Toy, worker: ToyWorker, operator: Operator) -> None:
    first, second = await given_up(service, 2)
    rows = service.running.db["outbox"]
    assert (await operator.json("outbox", "resend", "toy"))["dry_run"]
    assert await rows.count_documents({"_clinic": service.clinic, "state": "failed"}) == 2
    told = await operator.json("outbox", "resend", "toy", "--effect", first, "--yes")
    assert (told, operator.code) == ({"dry_run": False, "service": "toy", "effects": 1}, 0)
    act = await last_act(service)
    assert (act.command, act.arguments, act.counts) == (
        "outbox resend",
        {"service": "toy", "effect": first},
        {"effects": 1},
    )

    async def tried() -> bool:
        return await rows.find_one({"_id": first, "state": {"$ne": "failed"}}) is not None

    await eventually(tried)
    assert (await rows.find_one({"_id": second}) or {})["state"] == "failed"


async def test_more_than_the_limit_needs_their_number(service: Toy, operator: Operator) -> None:
    await given_up(service, 3)
    await operator.json("outbox", "resend", "toy", "--limit", "2", "--yes")
    assert operator.code == 1
    told = await operator.json("outbox", "resend", "toy", "--limit", "2", "--count", "3", "--yes")
    assert (operator.code, told["effects"]) == (0, 3)


async def test_what_has_left_does_not_leave_again(service: Toy, operator: Operator) -> None:
    effect = f"sent/{uuid4()}/0"
    await service.running.db["outbox"].insert_one({"_id": effect, "_clinic": service.clinic, "state": "sent"})
    await operator.json("outbox", "resend", "toy", "--effect", effect, "--yes")
    assert operator.code == 1
