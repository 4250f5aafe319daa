"""One component's life, with real processes."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from deploy.embedded import probes
from deploy.embedded.components import Component
from deploy.embedded.ports import free_port
from deploy.embedded.probes import until_it_passes
from deploy.embedded.process import FIRST_DELAY, LONGEST_DELAY, Life, StartFailed, back_off
from deploy.embedded.state import ComponentState
from deploy.embedded.tests.fake_system import WITH_A_CHILD, job, listener

pytestmark = pytest.mark.anyio


def life_of(component: Component, root: Path) -> Life:
    return Life(component, root / f"{component.name}.log", ComponentState(), lambda: None)


@asynccontextmanager
async def watched(life: Life) -> AsyncIterator[None]:
    await life.start()
    watching = asyncio.create_task(life.watch())
    try:
        yield
    finally:
        watching.cancel()
        await life.stop()


async def until(condition: Callable[[], bool], within: float = 10) -> None:
    async def probe() -> None:
        if not condition():
            raise OSError("not yet")

    async with asyncio.timeout(within):
        await until_it_passes(probe, every=0.02)


async def test_a_component_is_ready_when_its_probe_passes(tmp_path: Path) -> None:
    life = life_of(listener("one", free_port()), tmp_path)
    await life.start()
    assert (life.state.state, life.state.pid is None) == ("ready", False)
    await life.stop()
    assert (life.state.state, life.state.pid is None) == ("stopped", True)


async def test_a_killed_component_is_restarted_with_another_process(tmp_path: Path) -> None:
    life = life_of(listener("one", free_port()), tmp_path)
    async with watched(life):
        first = life.state.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: life.state.restarts == 1 and life.state.state == "ready")
        assert life.state.pid != first


async def test_what_a_killed_component_left_in_its_group_is_ended_too(tmp_path: Path) -> None:
    life = life_of(listener("one", free_port(), before=WITH_A_CHILD), tmp_path)
    async with watched(life):
        assert life.state.pid is not None
        [child] = psutil.Process(life.state.pid).children()
        os.kill(life.state.pid, signal.SIGKILL)
        await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


async def test_a_component_deaf_to_sigterm_is_killed_after_its_bound(tmp_path: Path) -> None:
    life = life_of(listener("one", free_port(), "stubborn"), tmp_path)
    await life.start()
    assert life.state.pid is not None
    process = psutil.Process(life.state.pid)
    async with asyncio.timeout(5):
        await life.stop()
    assert not process.is_running()


async def test_a_job_is_done_when_it_exits_with_0(tmp_path: Path) -> None:
    life = life_of(job("topics", "print('made')"), tmp_path)
    await life.start()
    assert life.state.state == "done"


async def test_a_job_that_fails_shows_its_last_lines(tmp_path: Path) -> None:
    life = life_of(job("topics", "print('no broker'); raise SystemExit(3)"), tmp_path)
    with pytest.raises(StartFailed, match=r"(?s)topics ended with exit code 3.*no broker"):
        await life.start()
    assert life.state.state == "failed"


async def test_a_component_that_keeps_ending_is_given_up_after_some_starts(tmp_path: Path) -> None:
    counting = f"open({str(tmp_path / 'starts')!r}, 'a').write('x'); raise SystemExit(4)"
    never = probes.tcp("127.0.0.1", free_port())
    life = life_of(Component("one", job("one", counting).command, ready=never), tmp_path)
    with pytest.raises(StartFailed, match="exit code 4"):
        await life.start()
    assert (tmp_path / "starts").read_text() == "xxx"


async def test_a_component_that_is_not_ready_in_time_is_reported_so(tmp_path: Path) -> None:
    port = free_port()
    deaf = Component("one", listener("one", port).command, ready=listener("x", free_port()).ready, start_timeout=0.5)
    life = life_of(deaf, tmp_path)
    with pytest.raises(StartFailed, match="not ready after"):
        await life.start()
    await life.stop()


async def test_a_component_that_lives_but_does_not_answer_is_killed_and_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.embedded.process.ALIVE_EVERY", 0.05)
    plain = listener("one", free_port())
    answers = iter([OSError("hangs")] * 6)

    async def alive() -> None:
        for error in answers:
            raise error

    hanging = Component("one", plain.command, port=plain.port, ready=plain.ready, alive=alive)
    life = life_of(hanging, tmp_path)
    async with watched(life):
        await until(lambda: life.state.restarts == 1 and life.state.state == "ready")


def test_the_wait_before_a_restart_doubles_up_to_a_bound() -> None:
    waits = [back_off(crashes) for crashes in range(1, 40)]
    assert waits[:3] == [FIRST_DELAY, FIRST_DELAY * 2, FIRST_DELAY * 4]
    assert max(waits) == LONGEST_DELAY
    assert waits == sorted(waits)
