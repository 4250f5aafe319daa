"""A person is erased: their key, and what the views had read with it (design 6, security C.8)."""

import pytest

from tests.integration.pipeline import toy
from tests.integration.pipeline.conftest import Toy, ToyWorker, eventually
from tests.integration.pipeline.test_views import saw

pytestmark = [pytest.mark.anyio, pytest.mark.servers]


async def erase_keeper(service: Toy) -> None:
    await service.running.keys.erase(f"keeper:{service.clinic}")
    await service.append(f"forgetting-{service.clinic}", -1, toy.Forgotten(clinic_id=service.clinic))


async def test_every_document_with_the_persons_fields_is_folded_anew(service: Toy, worker: ToyWorker) -> None:
    for local_id in ("a", "b"):
        await service.count(local_id, 1, 2)
        await eventually(saw(service, local_id, 1))
    await erase_keeper(service)

    async def forgotten() -> bool:
        rows = [row async for row in service.running.db["tallies"].find({"_clinic": service.clinic})]
        return [(row["keeper"], row["steps"], "_subjects" in row) for row in rows] == [(None, [1, 2], False)] * 2

    await eventually(forgotten)


async def test_what_comes_after_the_erasure_is_without_the_person(service: Toy, worker: ToyWorker) -> None:
    await service.count("a", 1)
    await eventually(saw(service, "a", 0))
    await erase_keeper(service)
    await service.count("a", 2, after=0)
    await eventually(saw(service, "a", 1))

    async def forgotten() -> bool:
        found = await service.document("a")
        return found is not None and found["keeper"] is None and found["steps"] == [1, 2]

    await eventually(forgotten)
    stored = await service.running.store.read_stored(service.stream("a"))
    assert b"somebody" not in stored[1].data
