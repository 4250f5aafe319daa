"""A view rebuilt beside the live one: from Kafka or the store, in passes, interrupted, amid an erasure (ADR 15)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.chassis.comparing import diff
from shared.chassis.folding import FULL
from shared.chassis.rebuild import Rebuild
from shared.chassis.switching import NotPossible, control, switch_target
from shared.chassis.verifying import verify
from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually
from tests.integration.pipeline.rebuilding import VIEW, back_to_the_first, documents, rebuilt
from tests.integration.pipeline.test_erasure import erase_keeper
from tests.integration.pipeline.test_faults import all_visible, count_many
from tests.integration.pipeline.test_views import saw

pytestmark = [pytest.mark.anyio, pytest.mark.servers, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
async def first_version_in_the_end(service: Toy, worker: ToyWorker) -> AsyncIterator[None]:
    yield
    await back_to_the_first(service)


async def test_changed_code_shows_exactly_the_changed_documents(service: Toy, worker: ToyWorker) -> None:
    for local_id, step in (("one", 1), ("two", 2), ("gone", 0)):
        await service.count(local_id, step)
        await eventually(saw(service, local_id, 0))

    def doubled(tally: toy.Tally | None, event: toy.Counted) -> toy.Tally | None:
        then = toy.evolve(tally, event)
        if event.clinic_id == service.clinic and event.step == 2 and then is not None:
            return then.model_copy(update={"total": 2 * then.total})
        return toy.Tally(total=0) if event.clinic_id == service.clinic and event.step == 0 else then

    result = await rebuilt(service, replace(toy.TALLIES, evolve=doubled))
    found = await diff(service.running.db, VIEW, result.version.collection, service.clinic)
    assert [(d.key, d.fields) for d in found.samples["changed"]] == [(f"{service.clinic}.two", ("total",))]
    assert [d.key for d in found.samples["added"]] == [f"{service.clinic}.gone"]
    assert (found.added, found.lost, found.changed) == (1, 0, 1)


async def test_an_interrupted_rebuild_goes_on_and_equals_an_uninterrupted_one(
    service: Toy, worker: ToyWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await count_many(service, "x", 200)
    await eventually(all_visible(service, 200))
    insert, left = Rebuild._insert, [1]

    async def dies(self: Rebuild, *rows: object) -> None:
        await insert(self, *rows)  # type: ignore[arg-type]  # as they came
        if not left:
            raise ConnectionError("the process dies here")
        left.pop()

    monkeypatch.setattr(Rebuild, "_insert", dies)
    with pytest.raises(ConnectionError):
        await rebuilt(service, limit=60)
    monkeypatch.setattr(Rebuild, "_insert", insert)
    [halfway] = [v for v in (await control(service.running.db, VIEW)).versions.values() if v.state == "building"]
    assert 0 < halfway.done < FULL
    with pytest.raises(NotPossible, match="no ready version"):
        switch_target(await control(service.running.db, VIEW))
    resumed = await rebuilt(service, limit=60)
    whole = await rebuilt(service)
    assert resumed.version.number == halfway.number != whole.version.number
    assert await documents(service, resumed.version.collection) == await documents(service, whole.version.collection)
    assert len(await documents(service, whole.version.collection)) == 200


async def test_memory_holds_no_more_documents_than_the_limit(
    service: Toy, worker: ToyWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await count_many(service, "x", 150)
    await eventually(all_visible(service, 150))
    held: list[int] = []
    result = await rebuilt(service, limit=20, tell=lambda progress: held.append(progress.documents))
    assert result.passes >= 150 // 20
    assert (await diff(service.running.db, VIEW, result.version.collection, service.clinic)).is_empty
    assert await documents(service, result.version.collection) == await documents(service, VIEW)


async def test_from_kafka_and_from_the_store_come_equal_documents(service: Toy, worker: ToyWorker) -> None:
    await count_many(service, "x", 50)
    await service.count("gone", 1, 0)
    await eventually(all_visible(service, 50))
    await eventually(saw(service, "gone", 1))
    from_kafka, from_store = await rebuilt(service), await rebuilt(service, source="store")
    assert (from_kafka.source, from_store.source) == ("kafka", "store")
    ours = await documents(service, from_kafka.version.collection)
    assert ours == await documents(service, from_store.version.collection)
    assert ours == await documents(service, VIEW)
    assert len(ours) == 51


async def test_what_was_never_published_is_read_from_the_store(service: Toy, worker: ToyWorker) -> None:
    await service.append(service.stream("a"), -1, toy.Hidden(clinic_id=service.clinic))
    await service.count("a", 1, after=0)
    await eventually(saw(service, "a", 1))
    result = await rebuilt(service)
    assert await documents(service, result.version.collection) == await documents(service, VIEW)


async def test_a_failing_handler_parks_under_the_new_version_and_nothing_is_raised(
    service: Toy, worker: ToyWorker
) -> None:
    await service.count("bad", 1, 13, 2)
    await service.count("good", 1)
    await eventually(saw(service, "good", 0))
    result = await rebuilt(service)
    assert result.parked >= 1
    mine = {"stream": service.stream("bad"), "handler": result.version.collection}
    rows = service.running.db["parked"].find(mine).sort("revision", 1)
    assert [row["revision"] async for row in rows] == [1, 2]
    found = await documents(service, result.version.collection)
    assert found[f"{service.clinic}.bad"]["steps"] == [1]
    assert found[f"{service.clinic}.good"]["steps"] == [1]


async def test_a_document_that_cannot_be_written_is_kept_as_it_was_before(service: Toy, worker: ToyWorker) -> None:
    await service.count("big", 1, 2**63 - 1)
    await service.count("good", 1)
    await eventually(saw(service, "good", 0))
    result = await rebuilt(service)
    found = await documents(service, result.version.collection)
    assert (found[f"{service.clinic}.big"]["steps"], found[f"{service.clinic}.big"]["_rev"]) == ([1], 0)


async def test_a_rebuild_runs_no_automation(service: Toy, worker: ToyWorker) -> None:
    await service.count("prize", 3)
    # The last to be written: what is deleted below must not come afterwards.
    await eventually(lambda: service.running.db["inbox"].find_one({"_clinic": service.clinic}))
    await service.running.db["inbox"].delete_many({"_clinic": service.clinic})
    await service.running.db["outbox"].delete_many({"_clinic": service.clinic})
    await rebuilt(service)
    await rebuilt(service, source="store")
    assert await service.running.db["outbox"].count_documents({"_clinic": service.clinic}) == 0
    assert await service.running.db["inbox"].count_documents({"_clinic": service.clinic}) == 0


async def test_who_is_erased_during_a_rebuild_is_in_neither_version(
    service: Toy, worker: ToyWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The erasure falls between reading and inserting: what was read in clear is folded anew."""
    await service.count("a", 1, 2)
    await eventually(saw(service, "a", 1))
    insert_all = Rebuild._insert_all
    erased: list[str] = []

    async def erased_before(self: Rebuild, *about: object) -> None:
        if not erased:
            await erase_keeper(service)
            erased.append(service.clinic)
            await eventually(lambda: service.running.db["erasures"].find_one({"_id": f"keeper:{service.clinic}"}))
        await insert_all(self, *about)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(Rebuild, "_insert_all", erased_before)
    result = await rebuilt(service)

    async def forgotten() -> bool:
        rows = [(await documents(service, name))[f"{service.clinic}.a"] for name in (VIEW, result.version.collection)]
        return [(row["keeper"], row["steps"]) for row in rows] == [(None, [1, 2])] * 2

    assert erased
    await eventually(forgotten)


async def test_only_one_rebuilds_a_view_at_a_time(
    service: Toy, worker: ToyWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first stays in the middle of its work until the second was refused."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    insert_all = Rebuild._insert_all

    async def waiting(self: Rebuild, *about: object) -> None:
        begun.set()
        await go_on.wait()
        await insert_all(self, *about)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(Rebuild, "_insert_all", waiting)
    first = asyncio.ensure_future(rebuilt(service))
    try:
        await asyncio.wait_for(begun.wait(), 30)
        with pytest.raises(NotPossible, match="by somebody else"):
            await rebuilt(service)
    finally:
        go_on.set()
        finished = await first
    assert finished.version.state == "ready"


async def test_verifying_finds_the_document_that_somebody_changed_and_the_one_that_is_missing(
    service: Toy, worker: ToyWorker
) -> None:
    for local_id in ("a", "b", "c"):
        await service.count(local_id, 1)
        await eventually(saw(service, local_id, 0))
    tallies = service.running.db[VIEW]
    await tallies.update_one({"_id": f"{service.clinic}.a"}, {"$set": {"total": 99}})
    await tallies.delete_one({"_id": f"{service.clinic}.b"})
    found = await verify(service.running.store, tallies, toy.TALLIES, clinic=service.clinic)
    assert [(d.key, d.fields) for d in found.wrong] == [(f"{service.clinic}.a", ("total",))]
    assert found.missing == [f"{service.clinic}.b"]
    assert not found.is_good
