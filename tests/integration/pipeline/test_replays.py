"""Replays and dry runs have no effect: on the world, or on anything but the audit (reliability B.2, test 16)."""

from collections.abc import AsyncIterator
from typing import Any

import aiosmtplib
import pytest

from shared.chassis import commands, kafka
from shared.chassis.automations import Reactor
from shared.chassis.outbox import Outbox
from shared.chassis.topic_settings import differences
from shared.events.ops import OPERATOR_LOG
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually
from tests.integration.pipeline.operators import Operator, counted, is_parked, stored_now
from tests.integration.pipeline.rebuilding import VIEW, back_to_the_first, rebuilt, switched
from tests.integration.pipeline.test_views import saw

pytestmark = [pytest.mark.anyio, pytest.mark.servers, pytest.mark.timeout(300)]
NAME = f"{toy.SERVICE}/{VIEW}"


@pytest.fixture(autouse=True)
async def running_and_on_the_first_version_in_the_end(service: Toy, worker: ToyWorker) -> AsyncIterator[None]:
    yield
    if not worker.is_alive:
        worker.start()
    await back_to_the_first(service)


EFFECTS = ((Reactor, "__init__"), (Reactor, "apply"), (Outbox, "put"), (aiosmtplib, "send"), (commands, "handle"))


def refuse(what: str) -> Any:
    def called(*_: object, **__: object) -> None:
        raise AssertionError(f"a replay came to {what}")

    return called


async def test_a_replay_that_came_to_an_effect_would_fail(
    service: Toy, worker: ToyWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever could act on the world raises: a rebuild from either source comes to none of it."""
    await service.count("prize", 3)
    await eventually(saw(service, "prize", 0))
    for owner, name in EFFECTS:
        monkeypatch.setattr(owner, name, refuse(f"{owner.__name__}.{name}"))
    for source in ("kafka", "store"):
        result = await rebuilt(service, source=source)
        assert (result.source, result.documents > 0) == (source, True)


async def test_a_dry_run_of_any_command_writes_its_audit_and_nothing_else(
    service: Toy, worker: ToyWorker, operator: Operator
) -> None:
    """With its worker stopped nothing changes a service's data but the command."""
    await counted(service, "a", 1, 2)
    await service.count("bad", 1, 13)
    await eventually(is_parked(service, service.stream("bad"), 1))
    group = (await operator.json("parked", "list"))["groups"][0]["fingerprint"]
    built = (await rebuilt(service)).version.number
    worker.stop()
    first = (await service.running.store.read_stored(service.stream("a")))[0].position
    dry_runs = (
        ("projections", "rebuild", NAME),
        ("projections", "switch", NAME),
        ("projections", "drop", NAME, str(built), "--at-once"),
        ("parked", "retry", group),
        ("parked", "discard", group, "--reason", "a test"),
        ("relay", "rewind", toy.SERVICE, "--to", str(first)),
        ("topics", "apply"),
        ("erase", f"keeper:{service.clinic}"),
    )
    for arguments in dry_runs:
        await changes_nothing(service, operator, *arguments)
    await switched(service, built)
    await changes_nothing(service, operator, "projections", "back", NAME)


async def changes_nothing(service: Toy, operator: Operator, *arguments: str) -> None:
    before, audited = await everything(service), await acts(service)
    told = await operator.json(*arguments)
    assert told is not None, arguments
    assert (told["dry_run"], operator.code) == (True, 0), arguments
    assert await everything(service) == before, arguments
    assert await acts(service) == audited + 1, arguments


async def everything(service: Toy) -> dict[str, Any]:
    """Every document of the service and every key, what is stored, and what the broker has."""
    databases = (service.running.db, service.running.client["keys"])
    rows = {
        f"{db.name}/{name}": [row async for row in db[name].find({}).sort("_id", 1)]
        for db in databases
        for name in await db.list_collection_names()
    }
    brokers = service.running.settings.brokers
    return rows | {
        "stored": await stored_now(service),
        "records": await kafka.ends(brokers, [topic.name for topic in toy.TOPICS]),
        "topics": await differences(brokers, toy.TOPICS),
    }


async def acts(service: Toy) -> int:
    newest = await service.running.store.last(OPERATOR_LOG)
    return -1 if newest is None else newest.revision
