import asyncio

import pytest

from shared.chassis import tasks
from shared.chassis.tasks import end

pytestmark = pytest.mark.anyio


async def test_a_task_that_loses_its_cancellation_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_AGAIN_SECONDS", 0.01)
    lost = 0

    async def hard_of_hearing() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                lost += 1
                if lost > 2:
                    raise

    task = asyncio.ensure_future(hard_of_hearing())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end(task)
    assert task.cancelled()
    assert lost == 3


async def test_what_the_tasks_raise_or_return_does_not_matter() -> None:
    async def failing() -> None:
        raise ValueError

    async def quick() -> int:
        return 1

    made = [asyncio.ensure_future(failing()), asyncio.ensure_future(quick())]
    await asyncio.sleep(0)
    await end(*made)
    assert all(task.done() for task in made)
