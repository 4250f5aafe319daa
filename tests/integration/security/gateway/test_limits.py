"""How large, how long and how often (OWASP API4), and what happens when a service is away."""

import http.client
import threading
import time

import psutil
import pytest

from shared.chassis.routes import MIB
from tests.integration.security.gateway.rig import HOME, SHORT, Edge, Mint, Upstream, is_problem, upstream

UPLOAD = "/api/pims-sync/v1/clinics/clinic-a/runs/run-1/files/held-back"
ABSENT = "/api/scheduling/v1/clinics/clinic-a/appointments"

pytestmark = [pytest.mark.servers, pytest.mark.timeout(90)]


def test_api4_a_body_declared_too_large_is_refused(door: Edge, mint: Mint) -> None:
    is_problem(door.ask(HOME, mint.token(), method="POST", body=b"x" * (MIB + 1)), 413, "content-too-large")
    assert door.ask(HOME, mint.token(), method="POST", body=b"x" * MIB).json["bytes"] == MIB


def test_api4_a_body_without_declared_length_is_cut_at_the_limit(door: Edge, mint: Mint, service: Upstream) -> None:
    before = len(service.requests)
    pieces = (b"x" * 16_384 for _ in range(100))
    try:
        assert door.ask(HOME, mint.token(), method="POST", body=pieces).status == 413
    except ConnectionError:
        assert len(service.requests) == before


def test_api4_too_many_tries_of_one_address_are_told_to_wait(door: Edge) -> None:
    path = "/api/portal/v1/activations"
    statuses = [door.ask(path, method="POST", body=b"{}").status for _ in range(24)]
    assert statuses[:20] == [200] * 20
    assert statuses[-1] == 429
    is_problem(door.ask(path), 429, "too-many-requests")
    assert int(door.ask(path).headers["retry-after"]) >= 1


def test_api4_one_callers_excess_is_not_anothers(door: Edge, mint: Mint) -> None:
    path = "/api/referral/v1/clinics/clinic-a/referrals"
    greedy, modest = mint.token(sub="greedy"), mint.token(sub="modest")
    assert [door.ask(path, greedy).status for _ in range(6)] == [200] * 5 + [429]
    assert door.ask(path, modest).status == 200


def test_a_live_feed_outlives_the_time_limit_of_other_routes(door: Edge, mint: Mint) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=10)
    headers = {"authorization": f"Bearer {mint.token()}"}
    started = time.monotonic()
    connection.request("GET", "/api/portal/v1/clinics/clinic-a/live", headers=headers)
    reply = connection.getresponse()
    first, first_after = reply.readline(), time.monotonic() - started
    rest, all_after = reply.read(), time.monotonic() - started
    connection.close()
    assert first == b"id: 0\n"
    assert rest.count(b"data: tick") == 6
    assert all_after > SHORT + 2
    assert all_after - first_after > SHORT, "the first event waited for the last: something holds the stream back"


def test_a_service_that_takes_too_long_is_a_504(door: Edge, mint: Mint) -> None:
    is_problem(door.ask("/api/portal/v1/slow", mint.token()), 504, "service-timeout")


def _upload(door: Edge, mint: Mint, pieces: int, headers: dict[str, str]) -> tuple[int, int]:
    """Bytes that arrived, and by how many bytes the gateway grew meanwhile."""
    process = psutil.Process(door.pid)
    seen = [process.memory_info().rss]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            seen.append(process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    body = (b"0123456789abcdef" * 4096 for _ in range(pieces))
    answer = door.ask(UPLOAD, mint.token(), method="PUT", body=body, headers=headers)
    done.set()
    watcher.join()
    return answer.json["bytes"], max(seen) - seen[0]


@pytest.mark.parametrize("declared", [True, False])
def test_a_large_upload_streams_through_without_being_held(door: Edge, mint: Mint, declared: bool) -> None:
    pieces = 50 * MIB // 65_536
    headers = {"content-length": str(50 * MIB)} if declared else {}
    arrived, growth = _upload(door, mint, pieces, headers)
    assert arrived == pieces * 65_536
    assert growth < 20 * MIB


def test_an_upload_declared_beyond_its_limit_is_refused_before_it_starts(door: Edge, mint: Mint) -> None:
    huge = {"content-length": str(2 * 1024 * MIB)}
    is_problem(door.ask(UPLOAD, mint.token(), method="PUT", headers=huge), 413, "content-too-large")


def test_a_service_that_is_away_is_a_503(door: Edge, mint: Mint) -> None:
    is_problem(door.ask(ABSENT, mint.token(), method="POST", body=b"{}"), 503, "service-unavailable")
    is_problem(door.ask(ABSENT, mint.token()), 503, "service-unavailable")
    assert door.ask(ABSENT, mint.token(), method="POST").headers["retry-after"] == "1"


def test_a_read_waits_for_a_service_that_restarts(door: Edge, mint: Mint, absent_port: int) -> None:
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(door.ask(ABSENT, mint.token()).status))
    asking.start()
    time.sleep(0.15)
    with upstream(mint, absent_port):
        asking.join(20)
    assert answers == [200]
