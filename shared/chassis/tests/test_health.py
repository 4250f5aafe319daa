import asyncio

import pytest
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.testclient import TestClient

from shared.chassis import health as health_module
from shared.chassis.health import Health, health_app
from shared.chassis.metrics import (
    OUTBOX_PENDING,
    PARKED_EVENTS,
    PROJECTION_EVENTS,
    PROJECTION_LAG_EVENTS,
    PROJECTION_LAG_SECONDS,
    RELAY_LAG_EVENTS,
    RELAY_PUBLISHED,
)


async def fine() -> None: ...


async def broken() -> None:
    raise ConnectionError("mongodb://user:secret@host")


async def stuck() -> None:
    await asyncio.sleep(60)


@pytest.fixture
def health() -> Health:
    return Health("demo")


def test_ready_when_every_check_passes(health: Health) -> None:
    health.add("mongodb", fine)
    health.add("event-store", fine)
    with TestClient(health_app(health)) as client:
        response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "service": "demo",
        "ready": True,
        "draining": False,
        "checks": {"mongodb": True, "event-store": True},
    }


def test_not_ready_when_one_fails_and_nothing_says_why_but_the_log(health: Health) -> None:
    health.add("mongodb", broken)
    health.add("event-store", fine)
    with TestClient(health_app(health)) as client:
        response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"] == {"mongodb": False, "event-store": True}
    assert "secret" not in response.text


def test_a_check_that_hangs_fails_in_time(health: Health) -> None:
    health.add("kafka", stuck, timeout=0.05)
    with TestClient(health_app(health)) as client:
        assert client.get("/readyz").status_code == 503


def test_draining_is_not_ready_and_still_alive(health: Health) -> None:
    told: list[str] = []
    health.on_drain(lambda: told.append("live streams"))
    with TestClient(health_app(health)) as client:
        health.drain()
        health.drain()
        assert client.get("/readyz").status_code == 503
        assert client.get("/livez").status_code == 200
    assert told == ["live streams"]


def test_a_loop_that_turned_is_alive_and_one_that_stalled_is_not(
    health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TestClient(health_app(health)) as client:
        assert client.get("/livez").status_code == 200
    monkeypatch.setattr(health_module, "STALL_SECONDS", 0.0)
    client = TestClient(health_app(health))
    assert client.get("/livez").status_code == 503


@pytest.mark.anyio
async def test_the_heartbeat_beats_and_ends_with_its_context(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "BEAT_SECONDS", 0.01)
    before = asyncio.all_tasks()
    async with health.heartbeat():
        first = health._last_beat
        await asyncio.sleep(0.1)
        assert health._last_beat > first
    assert asyncio.all_tasks() == before


def test_metrics_are_published_under_their_names(health: Health) -> None:
    for by_projection in (PROJECTION_LAG_EVENTS, PROJECTION_LAG_SECONDS, PARKED_EVENTS):
        by_projection.labels("demo", "cards").set(3)
    PROJECTION_EVENTS.labels("demo", "cards").inc()
    RELAY_PUBLISHED.labels("demo").inc()
    for by_service in (RELAY_LAG_EVENTS, OUTBOX_PENDING):
        by_service.labels("demo").set(2)
    with TestClient(health_app(health)) as client:
        response = client.get("/metrics")
    assert response.headers["content-type"] == CONTENT_TYPE_LATEST
    for line in (
        'vetwire_projection_lag_events{projection="cards",service="demo"} 3.0',
        'vetwire_projection_lag_seconds{projection="cards",service="demo"} 3.0',
        'vetwire_parked_events{projection="cards",service="demo"} 3.0',
        'vetwire_projection_events_total{projection="cards",service="demo"}',
        'vetwire_relay_published_total{service="demo"}',
        'vetwire_relay_lag_events{service="demo"} 2.0',
        'vetwire_outbox_pending{service="demo"} 2.0',
    ):
        assert line in response.text
