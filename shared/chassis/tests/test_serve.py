"""A real process: SIGTERM drains, finishes what is in flight, and leaves in less than 10 s (reliability B.2, 13)."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep

import httpx2
import pytest

ROOT = Path(__file__).parents[3]


class Served:
    def __init__(self, drain_seconds: float) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {"VETWIRE_PORT": str(port), "VETWIRE_DRAIN_SECONDS": str(drain_seconds), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-W", "error", "-m", "shared.chassis.tests.served_demo"]
        self.process = subprocess.Popen(
            command, env={**os.environ, **settings}, cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=10)
        deadline = monotonic() + 20
        while not self.is_ready() and monotonic() < deadline and self.process.poll() is None:
            sleep(0.05)

    def is_ready(self) -> bool:
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx2.TransportError:
            return False

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self.client.base_url}{path}", timeout=15)

    def stop(self) -> str:
        output, _ = self.process.communicate(timeout=12)
        return output


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    served = Served(getattr(request, "param", 0.5))
    yield served
    served.client.close()
    served.process.kill()
    served.process.communicate()


def test_sigterm_finishes_what_is_in_flight_and_ends_with_0(served: Served) -> None:
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(served.get, "/api/demo/v1/slow")
        sleep(0.3)
        served.process.send_signal(signal.SIGTERM)
        sleep(0.2)
        probe = served.client.get("/readyz")
        assert (probe.status_code, probe.json()["draining"]) == (503, True)
        assert served.client.get("/livez").status_code == 200
        assert answer.result().json() == "done"
    assert "stopped" in served.stop().splitlines()
    assert served.process.returncode == 0


@pytest.mark.parametrize("served", [0.0], indirect=True)
def test_a_request_that_hangs_does_not_keep_the_process(served: Served) -> None:
    with ThreadPoolExecutor() as threads:
        hanging = threads.submit(served.get, "/api/demo/v1/hanging")
        sleep(0.3)
        started = monotonic()
        served.process.send_signal(signal.SIGTERM)
        served.stop()
        assert monotonic() - started < 10
        assert hanging.result().json()["code"] == "draining"


def test_answers_do_not_name_the_server_and_requests_are_not_logged_by_it(served: Served) -> None:
    response = served.client.get("/api/demo/v1/nowhere?secret=canary")
    assert response.status_code == 404
    assert "server" not in response.headers
    served.process.send_signal(signal.SIGTERM)
    assert "canary" not in served.stop()
