"""The operator log tells of everything that was done, and whoever did it can say where."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from ops.vetwire.audit import audited, told_in
from shared.chassis import clock
from shared.chassis.commands import Context
from shared.events.envelope import Actor
from shared.events.ops import OPERATOR_LOG, OperatorActed
from shared.testing.memory import NOON, MemoryEventStore

pytestmark = pytest.mark.anyio


def installation(store: MemoryEventStore, correlation_id: str) -> Any:
    def context() -> Context:
        kim = Actor(kind="operator", id="kim")
        return Context("platform", kim, UUID(clock.new_id()), correlation_id, NOON)

    who = SimpleNamespace(name="kim", known_by="token")
    running = SimpleNamespace(store=store)
    return SimpleNamespace(running=running, who=who, context=context, correlation_id=correlation_id)


async def test_an_act_is_found_in_the_log_also_behind_those_of_others() -> None:
    store = MemoryEventStore()
    mine, theirs = installation(store, "mine"), installation(store, "theirs")
    assert await told_in(mine) is None
    for each, subject in ((theirs, "phone:elm.1"), (mine, "phone:elm.2"), (theirs, "phone:elm.3")):
        async with audited(each, "erase", {"subject": subject}, dry_run=False) as counts:
            counts["keys"] = 1
    assert await told_in(mine) == f"{OPERATOR_LOG}@1"
    proof = (await store.events(OPERATOR_LOG))[1]
    assert isinstance(proof, OperatorActed)
    assert (proof.command, proof.arguments, proof.outcome) == ("erase", {"subject": "phone:elm.2"}, "done")
