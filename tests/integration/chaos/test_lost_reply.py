"""Answers of the event store that are lost or cut off (reliability B.2.2).

An append happens and its answer is lost: the same ids again settle it, and change nothing.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from shared.chassis import commands
from shared.chassis.commands import Context
from shared.chassis.event_store import INFRASTRUCTURE_ERRORS, Append, EventStore
from shared.events.envelope import Actor
from shared.testing.clocks import NOON
from shared.testing.running import Servers
from tests.integration.chaos.lines import Line
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, metadata

pytestmark = pytest.mark.anyio
GIVEN_UP_AFTER = 1.5


@pytest.fixture
async def line(servers: Servers) -> Line:
    uri = urlsplit(servers.eventstore)
    return Line(uri.hostname or "", uri.port or 2113)


@pytest.fixture
async def far(service: Toy, servers: Servers, line: Line) -> AsyncIterator[EventStore]:
    """The store at the other end of the line."""
    async with line.address() as address:
        store = EventStore(f"esdb://{address}?{urlsplit(servers.eventstore).query}", service.running.store.codec)
        await store.connect()
        await store.read("nothing-here")
        yield store
        line.heal()
        await store.close()


async def test_an_append_whose_answer_is_lost_is_settled_by_its_ids(service: Toy, far: EventStore, line: Line) -> None:
    counted = [(uuid4(), toy.Counted(clinic_id=service.clinic, step=step)) for step in (1, 2)]
    append = Append(service.stream("a"), -1, counted, metadata(service.clinic))
    line.is_deaf = True
    with pytest.raises(INFRASTRUCTURE_ERRORS):
        await far.append(append, timeout=GIVEN_UP_AFTER)
    assert len(await service.running.store.read_stored(append.stream)) == 2, "it happened, and nobody was told"
    line.heal()
    assert await far.append(append) == await service.running.store.append(append) == 1
    assert len(await service.running.store.read_stored(append.stream)) == 2


async def test_appends_in_one_call_whose_answers_are_lost_are_settled_by_their_ids(
    service: Toy, far: EventStore, line: Line
) -> None:
    appends = [
        Append(service.stream(f"m{n}"), -1, [(uuid4(), toy.Counted(clinic_id=service.clinic, step=1))], metadata("elm"))
        for n in range(20)
    ]
    line.is_deaf = True
    with pytest.raises(INFRASTRUCTURE_ERRORS):
        await far.append_many(appends, timeout=GIVEN_UP_AFTER)
    line.heal()
    assert await far.append_many(appends) == [0] * 20
    stored = [await service.running.store.read_stored(append.stream) for append in appends]
    assert [len(events) for events in stored] == [1] * 20


async def test_a_command_that_comes_again_after_a_lost_answer_has_one_effect(
    service: Toy, far: EventStore, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Context(service.clinic, Actor(kind="system", id="test"), uuid4(), "test", NOON)
    wish = toy.Praise(service.clinic)
    given_up = far.append

    async def impatient(append: Append, timeout: float = GIVEN_UP_AFTER) -> int:
        line.is_deaf = True
        return await given_up(append, timeout)

    monkeypatch.setattr(far, "append", impatient)
    with pytest.raises(INFRASTRUCTURE_ERRORS):
        await commands.handle(far, toy.PRAISE, "a", wish, asked)
    line.heal()
    again = await commands.handle(service.running.store, toy.PRAISE, "a", wish, asked)
    assert (again.revision, len(again.events)) == (0, 1)
    other = await commands.handle(service.running.store, toy.PRAISE, "a", wish, replace(asked, command_id=uuid4()))
    assert (other.revision, len(other.events)) == (0, 0), "another wish finds it done"


async def test_a_read_that_a_new_connection_cuts_off_is_never_taken_for_whole(
    service: Toy, far: EventStore, line: Line
) -> None:
    """esdbclient makes a new connection when one of its calls finds the server away, and closes the old one."""
    await service.count("a", *range(1, 400))
    for cut in (service.running.store, far):
        assert len(await cut.read_stored(service.stream("a"))) == 399
    line.hold()
    readers = [asyncio.ensure_future(far.read_stored(service.stream("a"))) for _ in range(5)]
    scanner = asyncio.ensure_future(_scanned(far, service))
    await asyncio.sleep(0.2)
    await far._client.reconnect()
    line.release()
    read = await asyncio.gather(*readers, return_exceptions=True)
    assert [len(found) for found in read if not isinstance(found, BaseException)] == [399] * 5
    scanned = (await asyncio.gather(scanner, return_exceptions=True))[0]
    assert isinstance(scanned, INFRASTRUCTURE_ERRORS) or scanned == 399
    assert await far.head(r"toy\..*") == await service.running.store.head(r"toy\..*")


async def _scanned(store: EventStore, service: Toy) -> int:
    async with aclosing(store.scan(streams=f"^{re.escape(service.stream('a'))}$")) as events:
        return len([event async for event in events])
