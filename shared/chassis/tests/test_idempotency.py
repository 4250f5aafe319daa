"""draft-ietf-httpapi-idempotency-key-header-06; design 15."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import httpx2
import pytest
from fastapi import APIRouter, Depends, Response
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict

from shared.chassis.api_app import create_api
from shared.chassis.auth import clinic_access
from shared.chassis.idempotency import IdempotentRequest, idempotent, idempotent_stream
from shared.chassis.problems import Problem
from shared.chassis.tests.conftest import DemoSettings, MakeClient
from shared.kernel.errors import Refused
from shared.testing.idempotency import MemoryIdempotencyStore
from shared.testing.tokens import Mint

URL = "/api/demo/v1/clinics/elm/things"
ACCESS = [Depends(clinic_access("staff", "pims"))]
Once = Annotated[IdempotentRequest, Depends(idempotent)]


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int = 1


class Desk:
    """The routes, and what happened behind them."""

    def __init__(self) -> None:
        self.commands: list[UUID] = []
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.begun = asyncio.Event()
        self.router = APIRouter(dependencies=ACCESS)
        self.router.post("/clinics/{clinic_id}/things")(self.make_thing)
        self.router.post("/clinics/{clinic_id}/uploads")(self.upload)
        self.router.post("/clinics/{clinic_id}/wrong")(self.forgetful)
        self.router.post("/clinics/{clinic_id}/secrets")(self.telling)

    async def make_thing(self, clinic_id: str, thing: Thing, once: Once) -> Response:
        self.commands.append(once.command_id)
        self.begun.set()
        if self.gate:
            await self.gate.wait()
        if self.error:
            raise self.error
        revision = len(self.commands)
        return await once.answer({"stream": f"thing-{clinic_id}.1", "revision": revision}, headers={"ETag": '"1"'})

    async def upload(self, clinic_id: str, once: Annotated[IdempotentRequest, Depends(idempotent_stream)]) -> Response:
        self.commands.append(once.command_id)
        return await once.answer({"run": len(self.commands)}, status=202)

    async def forgetful(self, clinic_id: str, once: Once) -> dict[str, int]:
        self.commands.append(once.command_id)
        return {"done": 1}

    async def telling(self, clinic_id: str, once: Once) -> Response:
        return await once.answer({"ids": [{"client_name": "Ann"}]})


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def client(desk: Desk, make_client: MakeClient, mint: Mint) -> TestClient:
    client = make_client(desk.router)
    client.headers.update(mint.headers("staff", ("elm", "oak")))
    return client


def post(
    client: TestClient,
    key: str | None = "k-1",
    number: int = 1,
    url: str = URL,
    headers: Mapping[str, str] | None = None,
) -> httpx2.Response:
    all_headers = {**({"Idempotency-Key": key} if key else {}), **(headers or {})}
    return client.post(url, json={"number": number}, headers=all_headers)


def test_a_repeat_gets_the_first_answer_and_nothing_happens_twice(client: TestClient, desk: Desk) -> None:
    first, second = post(client), post(client)
    assert (first.status_code, first.json()["revision"]) == (201, 1)
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert (second.status_code, second.content, second.headers["etag"]) == (201, first.content, '"1"')
    assert len(desk.commands) == 1


def test_a_missing_key_is_400(client: TestClient, desk: Desk) -> None:
    response = post(client, key=None)
    assert (response.status_code, response.json()["code"]) == (400, "idempotency-key-required")
    assert desk.commands == []


@pytest.mark.parametrize(
    "key", ["", " ", '"', '""', '"a', 'a"b', "a b", "k" * 256, '"' + "k" * 256 + '"', '"a\\b"', "é"]
)
def test_a_malformed_key_is_400(client: TestClient, key: str) -> None:
    response = client.post(URL, json={}, headers={b"Idempotency-Key": key.encode("latin-1")})
    assert (response.status_code, response.json()["code"]) == (400, "idempotency-key-malformed")


def test_two_keys_are_400(client: TestClient) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert client.post(URL, json={}, headers=headers).json()["code"] == "idempotency-key-malformed"


def test_a_structured_string_and_a_plain_token_name_the_same_wish(client: TestClient, desk: Desk) -> None:
    post(client, key="8e03978e-40d5-43dd")
    assert post(client, key='"8e03978e-40d5-43dd"').headers["idempotency-replayed"] == "true"
    post(client, key=r'"a \"quoted\" \\ key"')
    assert len(desk.commands) == 2


def test_another_payload_under_the_same_key_is_422(client: TestClient, desk: Desk) -> None:
    post(client)
    response = post(client, number=2)
    assert (response.status_code, response.json()["code"]) == (422, "idempotency-key-reused")
    assert len(desk.commands) == 1


def test_another_query_or_if_match_is_another_payload(client: TestClient) -> None:
    post(client)
    assert post(client, url=f"{URL}?dry=1").json()["code"] == "idempotency-key-reused"
    assert post(client, headers={"If-Match": '"3"'}).json()["code"] == "idempotency-key-reused"


def test_keys_of_other_people_clinics_and_routes_are_other_keys(client: TestClient, desk: Desk, mint: Mint) -> None:
    post(client)
    post(client, url=URL.replace("elm", "oak"))
    post(client, headers=mint.headers("pims", ("elm",)))
    client.post(URL.replace("things", "uploads"), headers={"Idempotency-Key": "k-1"})
    assert len(set(desk.commands)) == len(desk.commands) == 4


def test_an_answer_is_not_replayed_to_a_token_that_may_no_longer_enter(client: TestClient, mint: Mint) -> None:
    post(client)
    response = post(client, headers=mint.headers("staff", ("oak",)))
    assert response.status_code == 404


def test_an_answer_is_not_replayed_to_a_role_that_may_no_longer_do_it(client: TestClient, mint: Mint) -> None:
    post(client)
    response = post(client, headers=mint.headers("owner", ("elm",), sub="staff-1"))
    assert response.status_code == 403


def test_after_a_refusal_a_mended_request_may_use_the_key(client: TestClient, desk: Desk) -> None:
    for error in (Refused("no"), Problem(404, "not-found", "No.")):
        desk.error = error
        assert post(client, number=1).status_code in {404, 409}
    desk.error = None
    assert post(client, number=2).status_code == 201


def test_after_an_invalid_body_a_mended_request_may_use_the_key(client: TestClient, desk: Desk) -> None:
    assert client.post(URL, json={"number": "x"}, headers={"Idempotency-Key": "k-1"}).status_code == 422
    assert desk.commands == []
    assert post(client).status_code == 201


def test_after_a_fault_of_ours_the_repeat_is_the_same_command(client: TestClient, desk: Desk) -> None:
    """A crash between the append and the stored answer: the event store recognises the repeated event ids."""
    desk.error = RuntimeError("lost the reply")
    assert post(client).status_code == 500
    assert post(client, number=2).json()["code"] == "idempotency-key-reused"
    desk.error = None
    assert post(client).status_code == 201
    assert len(desk.commands) == 2
    assert desk.commands[0] == desk.commands[1]


def test_command_ids_differ_by_payload_even_when_the_store_forgot_the_key(desk: Desk, mint: Mint) -> None:
    for number in (1, 1, 2):
        state = {"idempotency": MemoryIdempotencyStore()}
        app = create_api(DemoSettings(), [desk.router], verifier=mint.verifier(), state=state)
        with TestClient(app, headers=mint.headers()) as client:
            post(client, number=number)
    assert desk.commands[0] == desk.commands[1] != desk.commands[2]


def test_uploads_are_told_apart_by_what_their_headers_say(client: TestClient, desk: Desk) -> None:
    url = URL.replace("things", "uploads")
    headers = {"Idempotency-Key": "k-1", "Content-Type": "text/csv"}
    assert client.post(url, content=b"a,b\n", headers=headers).status_code == 202
    assert client.post(url, content=b"a,b\n", headers=headers).headers["idempotency-replayed"] == "true"
    assert client.post(url, content=b"a,b,c\n", headers=headers).json()["code"] == "idempotency-key-reused"
    digest = {"Content-Digest": "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"}
    assert client.post(url, content=b"c,d\n", headers=headers | digest).json()["code"] == "idempotency-key-reused"
    assert len(desk.commands) == 1


def test_a_route_that_stores_no_answer_does_not_lock_its_key(client: TestClient, desk: Desk) -> None:
    url = URL.replace("things", "wrong")
    assert [post(client, url=url).status_code for _ in range(2)] == [200, 200]
    assert desk.commands[0] == desk.commands[1]


def test_an_answer_with_personal_data_is_never_stored(client: TestClient) -> None:
    assert post(client, url=URL.replace("things", "secrets")).status_code == 500


@pytest.mark.anyio
async def test_a_repeat_while_the_first_one_runs_is_409(desk: Desk, mint: Mint) -> None:
    desk.gate = asyncio.Event()
    state = {"idempotency": MemoryIdempotencyStore()}
    app = create_api(DemoSettings(), [desk.router], verifier=mint.verifier(), state=state)
    headers = {"Idempotency-Key": "k-1", **mint.headers()}
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://demo", headers=headers) as client:
        first = asyncio.create_task(client.post(URL, json={}))
        await asyncio.wait_for(desk.begun.wait(), 5)
        second = await client.post(URL, json={})
        assert (second.status_code, second.json()["code"]) == (409, "idempotency-key-in-use")
        assert int(second.headers["retry-after"]) > 0
        desk.gate.set()
        assert (await first).status_code == 201
        assert (await client.post(URL, json={})).headers["idempotency-replayed"] == "true"


def test_openapi_publishes_the_header_and_how_long_a_key_is_kept(client: TestClient) -> None:
    path = client.get("/api/demo/v1/openapi.json").json()["paths"][URL.replace("elm", "{clinic_id}")]
    header: dict[str, Any] = next(p for p in path["post"]["parameters"] if p["in"] == "header")
    assert (header["name"], header["required"]) == ("Idempotency-Key", True)
    assert "24 hours" in header["description"]
