"""What every answer carries, and what is counted."""

from collections.abc import AsyncIterator

import pytest
import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from starlette.responses import StreamingResponse

from shared.chassis.auth import public
from shared.chassis.tests.conftest import MakeClient

BASE = "/api/demo/v1"


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    router = APIRouter(dependencies=[Depends(public)])

    @router.get("/pets/{pet}")
    async def pet(pet: str, response: Response) -> str:
        response.headers["Cache-Control"] = "private, max-age=5"
        return pet

    @router.get("/correlation")
    async def correlation() -> object:
        return structlog.contextvars.get_contextvars().get("correlation_id")

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError

    @router.get("/half")
    async def half() -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("cut")

        return StreamingResponse(body())

    @router.post("/gone")
    async def gone(request: Request) -> None:
        await request.body()

    return make_client(router)


def counted(route: str, status: int, method: str = "GET") -> float:
    labels = {"service": "demo", "method": method, "route": route, "status": str(status)}
    return REGISTRY.get_sample_value("vetwire_http_requests_total", labels) or 0.0


@pytest.mark.parametrize("path", ["/pets/Rex", "/broken", "/nowhere"])
def test_every_answer_has_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(BASE + path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "server" not in headers


def test_nothing_may_be_kept_by_caches_unless_the_route_says_so(client: TestClient) -> None:
    assert client.get(f"{BASE}/correlation").headers["cache-control"] == "no-store"
    assert client.get(f"{BASE}/pets/Rex").headers["cache-control"] == "private, max-age=5"


def test_a_sane_request_id_is_kept_and_echoed(client: TestClient) -> None:
    response = client.get(f"{BASE}/correlation", headers={"X-Request-Id": "req-0000.1"})
    assert response.json() == response.headers["x-request-id"] == "req-0000.1"


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space in it", 'quote"quote', "<script>alert", "ümlaut-123"])
def test_another_request_id_is_replaced(client: TestClient, given: str) -> None:
    response = client.get(f"{BASE}/correlation", headers={b"X-Request-Id": given.encode("latin-1")})
    assert response.json() == response.headers["x-request-id"] != given
    assert len(response.json()) == 32


def test_requests_do_not_share_a_correlation_id(client: TestClient) -> None:
    assert client.get(f"{BASE}/correlation").json() != client.get(f"{BASE}/correlation").json()


def test_requests_are_counted_by_template_so_that_ids_make_no_labels(client: TestClient) -> None:
    route = f"{BASE}/pets/{{pet}}"
    before = counted(route, 200)
    for pet in ("Rex", "Tom"):
        client.get(f"{BASE}/pets/{pet}")
    assert counted(route, 200) == before + 2
    labels = {"service": "demo", "method": "GET", "route": route}
    assert (REGISTRY.get_sample_value("vetwire_http_request_seconds_count", labels) or 0) >= 2


def test_unknown_paths_and_methods_share_one_label(client: TestClient) -> None:
    before = counted("unmatched", 404), counted("unmatched", 404, "OTHER")
    for number in range(3):
        client.get(f"/made-up-{number}")
        client.request(f"X{number}", f"/made-up-{number}")
    assert counted("unmatched", 404) == before[0] + 3
    assert counted("unmatched", 404, "OTHER") == before[1] + 3


def test_a_fault_is_counted_as_500(client: TestClient) -> None:
    before = counted(f"{BASE}/broken", 500)
    assert client.get(f"{BASE}/broken").status_code == 500
    assert counted(f"{BASE}/broken", 500) == before + 1


def test_an_answer_that_breaks_off_is_not_passed_off_as_complete(client: TestClient) -> None:
    with pytest.raises(RuntimeError, match="cut"):
        client.get(f"{BASE}/half")


def test_probes_and_metrics_are_not_counted(client: TestClient) -> None:
    before = counted("unmatched", 200)
    for path in ("/livez", "/readyz", "/metrics"):
        assert client.get(path).status_code == 200
    assert counted("unmatched", 200) == before
    assert counted("/livez", 200) == 0


@pytest.mark.anyio
async def test_a_client_that_goes_away_is_no_fault(client: TestClient) -> None:
    app = client.app
    assert isinstance(app, FastAPI)
    path = f"{BASE}/gone"
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
    }
    sent = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    before = counted(path, 499, "POST")
    with structlog.testing.capture_logs() as entries:
        await app(scope, receive, send)
    assert [entry["event"] for entry in entries] == ["client-went-away"]
    assert counted(path, 499, "POST") == before + 1
    assert sent == []


def test_while_draining_connections_are_asked_to_close(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)
    assert "connection" not in client.get(f"{BASE}/correlation").headers
    client.app.state.health.drain()
    assert client.get(f"{BASE}/correlation").headers["connection"] == "close"
