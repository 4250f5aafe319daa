"""Automations and what they send out: once for each event, through inbox and outbox (design 14)."""

import httpx2
import pytest

from shared.testing.running import Servers
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually
from tests.integration.pipeline.test_views import publish_again

pytestmark = [pytest.mark.anyio, pytest.mark.servers]


async def test_a_command_and_a_mail_follow_once(service: Toy, worker: ToyWorker, servers: Servers) -> None:
    await service.count("a", 1, 3)
    stream = f"praise-{service.clinic}.a"
    await eventually(lambda: service.running.store.read_stored(stream))
    await publish_again(service, "a", 1, 1)
    await service.count("a", 5, after=1)
    await eventually(lambda: service.running.db["tallies"].find_one({"_id": f"{service.clinic}.a", "_rev": 2}))
    assert len(await service.running.store.read_stored(stream)) == 1
    await eventually(lambda: sent(service))
    if servers.mailbox:
        mails = httpx2.get(f"{servers.mailbox['http']}/messages").json()
        assert sum(service.clinic in str(mail) for mail in mails) <= 1
    rows = [row async for row in service.running.db["outbox"].find({"_clinic": service.clinic})]
    assert [row["state"] for row in rows] == ["sent"]
    assert "mail" not in rows[0], "what was sent is not kept"


async def sent(service: Toy) -> bool:
    return await service.running.db["outbox"].count_documents({"_clinic": service.clinic, "state": "sent"}) == 1


async def test_the_cause_is_in_the_effects_metadata(service: Toy, worker: ToyWorker) -> None:
    await service.count("a", 3)
    stream = f"praise-{service.clinic}.a"
    await eventually(lambda: service.running.store.read_stored(stream))
    cause = (await service.running.store.read_stored(service.stream("a")))[0]
    effect = (await service.running.store.read(stream))[0]
    assert isinstance(effect.event, toy.Praised)
    assert effect.metadata.causation_id == str(cause.id)
    assert effect.metadata.correlation_id == "test"
    assert effect.metadata.actor.kind == "system"
