"""Several components in order, and what a whole run leaves behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.embedded.components import Component, UnknownDependency, in_waves
from deploy.embedded.display import PlainDisplay
from deploy.embedded.down import down
from deploy.embedded.options import PROJECT, Options
from deploy.embedded.ports import free_port
from deploy.embedded.process import StartFailed
from deploy.embedded.state import SystemState, end_leftovers, is_locked, is_running, read_json, write_state
from deploy.embedded.supervisor import Supervisor
from deploy.embedded.tests.fake_system import job, listener
from deploy.embedded.up import up


def wait_for(condition: Callable[[], bool], within: float = 15) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def gone(processes: list[psutil.Process]) -> bool:
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running fake system under tmp_path, ready."""
    ports = (str(free_port()), str(free_port()))
    command = [sys.executable, "-m", "deploy.embedded.tests.fake_system", "--root", str(tmp_path), "--ports", *ports]
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=out, stderr=out)
    wait_for(lambda: read_json(tmp_path / "state.json").get("phase") == "ready")
    yield process
    process.kill()
    process.wait()
    end_leftovers(tmp_path)


def state_of(root: Path) -> dict[str, Any]:
    return read_json(root / "state.json")


def run(root: Path, *components: Component, stop: bool = True) -> SystemState:
    """Run until ready, stop, and return the state as it was when all were ready."""
    seen: list[SystemState] = []

    async def session() -> None:
        asked = asyncio.Event()

        def when_ready(state: SystemState) -> None:
            seen.append(state)
            asked.set()

        await Supervisor(root, components, PlainDisplay()).run(asked, when_ready)

    asyncio.run(session())
    return seen[0]


def test_a_component_starts_after_those_that_it_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, job("last", "pass", after=("middle",)), job("middle", "pass", after=("first",)), job("first", "pass"))
    lines = [line for line in capsys.readouterr().out.splitlines() if "done" in line]
    assert [line.split()[2] for line in lines] == ["first", "middle", "last"]


def test_components_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(UnknownDependency, match="one, two"):
        in_waves([job("one", "pass", after=("two",)), job("two", "pass", after=("one",))])


def test_when_one_cannot_start_the_others_are_stopped_and_its_lines_are_shown(tmp_path: Path) -> None:
    port = free_port()
    good, bad = listener("good", port), job("bad", "print('why not'); raise SystemExit(9)", after=("good",))
    with pytest.raises(StartFailed, match=r"(?s)bad ended with exit code 9.*why not"):
        run(tmp_path, good, bad)
    state = state_of(tmp_path)
    assert state["phase"] == "failed"
    assert state["components"]["good"]["state"] == "stopped"
    assert state["components"]["bad"]["state"] == "failed"


def test_sigterm_stops_everything_and_exits_with_0(fake: subprocess.Popen[bytes], tmp_path: Path) -> None:
    children = family(fake.pid)
    assert len(children) == 3
    fake.terminate()
    assert fake.wait(15) == 0
    assert gone(children)
    assert state_of(tmp_path)["phase"] == "stopped"
    assert not (tmp_path / "endpoints.json").exists()


def test_ctrl_c_stops_everything_and_exits_with_0(fake: subprocess.Popen[bytes]) -> None:
    children = family(fake.pid)
    fake.send_signal(signal.SIGINT)
    assert fake.wait(15) == 0
    assert gone(children)


def test_kill_9_of_the_supervisor_ends_its_components_and_the_next_start_ends_the_rest(
    fake: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    children = family(fake.pid)
    own = [psutil.Process(each["pid"]) for each in state_of(tmp_path)["components"].values() if each["pid"]]
    fake.kill()
    fake.wait()
    wait_for(lambda: gone(own))
    assert not is_locked(tmp_path)
    rest = [each for each in children if each not in own]
    assert len(rest) == 1, "the server's own child is no child of the supervisor"
    assert not gone(rest)
    down(tmp_path)
    wait_for(lambda: gone(rest))


def test_a_component_killed_in_a_running_system_comes_back(fake: subprocess.Popen[bytes], tmp_path: Path) -> None:
    before = state_of(tmp_path)["components"]["service"]["pid"]
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: state_of(tmp_path)["components"]["service"]["restarts"] == 1)
    wait_for(lambda: state_of(tmp_path)["components"]["service"]["state"] == "ready")
    assert state_of(tmp_path)["components"]["service"]["pid"] != before
    assert state_of(tmp_path)["components"]["server"]["restarts"] == 0


def test_down_stops_a_running_system(fake: subprocess.Popen[bytes], tmp_path: Path) -> None:
    children = family(fake.pid)
    assert down(tmp_path) == 0
    assert fake.wait(15) == 0
    assert gone(children)


def test_down_ends_a_supervisor_that_does_not_react(fake: subprocess.Popen[bytes], tmp_path: Path) -> None:
    children = family(fake.pid)
    fake.send_signal(signal.SIGSTOP)
    down(tmp_path, within=0.3)
    assert fake.wait(5) == -signal.SIGKILL
    wait_for(lambda: gone(children))


def test_down_where_nothing_runs_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert down(tmp_path) == 0
    assert "nothing is running" in capsys.readouterr().out


def test_a_second_up_says_that_it_runs_and_where(
    fake: subprocess.Popen[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (tmp_path / "endpoints.json").read_text().rstrip().rstrip("}")
    mailbox = '"mailbox": {"http": "http://127.0.0.1:1"}, "servers": []'
    (tmp_path / "endpoints.json").write_text(f'{content}, "gateway": "http://127.0.0.1:2", {mailbox}}}')
    assert up(Options(root=tmp_path)) == 0
    out = capsys.readouterr().out
    assert "running already" in out
    assert "http://127.0.0.1:2" in out
    assert fake.poll() is None


def test_fresh_is_refused_while_the_system_runs(fake: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert up(Options(root=tmp_path, fresh=True)) == 1
    assert fake.poll() is None
    assert (tmp_path / "endpoints.json").exists()


def test_a_recycled_process_id_is_not_taken_for_a_leftover(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as stranger:
        state = SystemState()
        write_state(tmp_path, state)
        earlier = psutil.Process(stranger.pid).create_time() - 100
        content = state_of(tmp_path)
        content["components"]["kafka"] = {"pid": stranger.pid, "created": earlier}
        (tmp_path / "state.json").write_text(json.dumps(content))
        assert end_leftovers(tmp_path) == []
        assert is_running(stranger.pid, earlier + 100)
        stranger.kill()
