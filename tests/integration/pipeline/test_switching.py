"""A rebuilt version taken into use while others read and write: no read fails or goes back in time (ADR 15)."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from shared.chassis.comparing import diff
from shared.chassis.switching import NotPossible, back_target, control, drop
from shared.chassis.versions import CONTROL, READERS_SECONDS
from shared.chassis.views import Views
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually
from tests.integration.pipeline.rebuilding import VIEW, Load, back_to_the_first, documents, rebuilt, switched
from tests.integration.pipeline.test_faults import all_visible, count_many
from tests.integration.pipeline.test_views import saw

pytestmark = [pytest.mark.anyio, pytest.mark.servers, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
async def first_version_in_the_end(service: Toy, worker: ToyWorker) -> AsyncIterator[None]:
    yield
    await back_to_the_first(service)


async def test_under_load_no_read_fails_or_goes_back_and_the_diff_is_empty(service: Toy, worker: ToyWorker) -> None:
    await count_many(service, "old", 300)
    await eventually(all_visible(service, 300))
    load = Load(service)
    tasks = [asyncio.ensure_future(work) for work in (load.write(), load.read(), load.read(), load.read())]
    await eventually(load.went_on(20))
    result = await rebuilt(service)
    number = result.version.number
    before = await diff(service.running.db, VIEW, result.version.collection, service.clinic)
    await switched(service, number)
    await eventually(load.went_on(20))
    await switched(service, back_target(await control(service.running.db, VIEW)).number)
    await eventually(load.went_on(10))
    assert not any(task.done() for task in tasks), [t.exception() for t in tasks if t.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    after = await diff(service.running.db, VIEW, result.version.collection, service.clinic)
    assert (before.samples, after.samples) == ({"added": [], "lost": [], "changed": []},) * 2
    assert before.is_empty
    assert after.equal >= 312
    assert load.back == 0
    assert (await control(service.running.db, VIEW)).active == 1


async def test_readers_of_several_processes_never_disagree_backwards(service: Toy, worker: ToyWorker) -> None:
    """Each `Views` has its own idea of the active version, as processes have: whatever one showed, the next shows."""
    await service.count("a", 1)
    await eventually(saw(service, "a", 0))
    result = await rebuilt(service)
    processes = [Views(service.running.db) for _ in range(4)]
    stop = asyncio.Event()

    async def write() -> None:
        at = 0
        while not stop.is_set():
            at = await service.count("a", 1, after=at)

    shown: list[int] = []

    async def read() -> None:
        while not stop.is_set():
            for views in processes:
                found = await views.get(toy.TALLIES, service.clinic, "a")
                assert found is not None
                shown.append(found.revision)
                await asyncio.sleep(0.002)

    async def shown_more(than: int) -> bool:
        return len(shown) > than

    working = [asyncio.ensure_future(write()), asyncio.ensure_future(read())]
    for number in (result.version.number, 1, result.version.number):
        await switched(service, number)
        await eventually(partial(shown_more, len(shown) + 40))
    stop.set()
    await asyncio.gather(*working)
    assert shown == sorted(shown)


async def test_readers_see_the_other_version_after_a_switch_and_after_going_back(
    service: Toy, worker: ToyWorker
) -> None:
    await service.count("a", 1)
    await eventually(saw(service, "a", 0))
    result = await rebuilt(service)
    mark = {"_id": f"{service.clinic}.a"}
    await service.running.db[result.version.collection].update_one(mark, {"$set": {"keeper": "the new one"}})
    views = Views(service.running.db)

    async def keeper() -> str | None:
        found = await views.get(toy.TALLIES, service.clinic, "a")
        return found.view.keeper if found else None

    assert await keeper() == "somebody"
    await switched(service, result.version.number)
    assert await keeper() == "the new one"
    await switched(service, 1)
    assert await keeper() == "somebody"


async def test_both_versions_follow_until_one_is_dropped(service: Toy, worker: ToyWorker) -> None:
    result = await rebuilt(service)
    await service.count("a", 1)
    await eventually(saw(service, "a", 0))
    assert f"{service.clinic}.a" in await documents(service, result.version.collection)
    with pytest.raises(NotPossible, match="is the active one"):
        await drop(service.running.db, VIEW, 1)
    await switched(service, result.version.number)
    with pytest.raises(NotPossible, match="less than 15 minutes"):
        await drop(service.running.db, VIEW, 1)
    await switched(service, 1)
    await drop(service.running.db, VIEW, result.version.number, at_once=True)
    await service.count("b", 1)
    await eventually(saw(service, "b", 0))
    assert result.version.collection not in await service.running.db.list_collection_names()


async def test_a_worker_that_starts_later_keeps_both_versions(service: Toy, worker: ToyWorker) -> None:
    worker.kill()
    await count_many(service, "while", 30)
    result = await rebuilt(service, source="store")
    worker.start()
    await eventually(all_visible(service, 30))
    assert (await diff(service.running.db, VIEW, result.version.collection, service.clinic)).is_empty


async def test_workers_go_on_though_the_operator_died_while_they_held_still(service: Toy, worker: ToyWorker) -> None:
    await rebuilt(service)
    await service.running.db[CONTROL].update_one({"_id": VIEW}, {"$set": {"hold": "dead"}, "$inc": {"epoch": 1}})
    await asyncio.sleep(2 * READERS_SECONDS)
    await service.count("a", 1)
    await asyncio.sleep(1)
    assert await service.document("a") is None
    await eventually(saw(service, "a", 0), 20)
