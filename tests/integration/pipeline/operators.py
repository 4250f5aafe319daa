"""The operators' command at work on the toy service, in this process, as the `vetwire` process does it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any
from uuid import uuid4

from anyio import to_thread

from ops.vetwire.app import run
from ops.vetwire.command_line import Invocation
from ops.vetwire.served import Catalogue, Served
from shared.chassis.commands import Context, Handled
from shared.chassis.event_store import Append
from shared.chassis.runtime import Runtime
from shared.events.ops import OPERATOR_LOG, OperatorActed
from shared.kernel.automation import Cause, Mail, Reaction
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, eventually
from tests.integration.pipeline.test_views import saw


async def erase_keeper(running: Runtime, name: str, asked: Context) -> Handled:
    """What a service's own eraser does: the key first, then the event."""
    await running.keys.erase(f"keeper:{name}")
    stream = f"forgetting-{name}"
    context = replace(asked, clinic_id=name)
    event = toy.Forgotten(clinic_id=name)
    revision = await running.store.append(Append(stream, -1, [(uuid4(), event)], context.metadata()))
    return Handled(stream, revision, (event,), None)


SERVED = Served("toy", toy.SPEC, (toy.PRAISE,), {"keeper": erase_keeper})
BROKEN = Catalogue((SERVED,), toy.TOPICS)


def repaired() -> Catalogue:
    """The toy after its handlers were mended, as a deployment would: the command folds with the code it runs with."""

    def evolve(tally: toy.Tally | None, event: toy.Counted) -> toy.Tally:
        known = tally or toy.Tally()
        return toy.Tally(total=known.total + event.step, steps=(*known.steps, event.step), keeper=event.keeper)

    def react(cause: Cause[toy.Counted], tallies: toy.Tally | None) -> list[Reaction]:
        return [Mail(to="late@clinic.example", subject=cause.local_id, text="")] if cause.event.step == 31 else []

    views, automations = (replace(toy.TALLIES, evolve=evolve),), (replace(toy.PRAISING, react=react),)
    return Catalogue((replace(SERVED, spec=replace(toy.SPEC, projections=views, automations=automations)),), toy.TOPICS)


@dataclass
class Operator:
    """Calls the command and remembers nothing but its last exit code."""

    catalogue: Catalogue = BROKEN
    token: str | None = None
    code: int = field(default=-1)

    async def text(self, *arguments: str) -> str:
        out = StringIO()
        loop = asyncio.get_running_loop()  # two loops of gRPC in one process get into each other's way
        here = Invocation(
            self.token, self.catalogue, out, lambda work: asyncio.run_coroutine_threadsafe(work, loop).result()
        )
        self.code = await to_thread.run_sync(run, list(arguments), here)
        return out.getvalue()

    async def json(self, *arguments: str) -> Any:
        told = await self.text(*arguments, "--json")
        return json.loads(told) if told else None


async def counted(service: Toy, local_id: str, *steps: int) -> None:
    await service.count(local_id, *steps)
    await eventually(saw(service, local_id, len(steps) - 1))


async def parked(service: Toy, stream: str) -> list[int]:
    rows = service.running.db["parked"].find({"stream": stream}).sort("revision", 1)
    return [row["revision"] async for row in rows]


def is_parked(service: Toy, stream: str, *revisions: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await parked(service, stream) == list(revisions)

    return check


async def stored_now(service: Toy) -> list[tuple[str, int]]:
    """Everything in the event store but the audit."""
    return [(e.stream, e.revision) async for e in service.running.store.scan() if e.stream != OPERATOR_LOG]


async def last_act(service: Toy) -> OperatorActed:
    newest = await service.running.store.last(OPERATOR_LOG)
    assert newest is not None
    event = (await service.running.store.read(OPERATOR_LOG, newest.revision))[0].event
    assert isinstance(event, OperatorActed)
    return event
