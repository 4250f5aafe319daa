"""RFC 9457; ASVS 16.5.1."""

from typing import Annotated

import pytest
import structlog
from fastapi import APIRouter, Depends, HTTPException, Query
from openapi_spec_validator import validate
from pydantic import BaseModel, ConfigDict, Field

from shared.chassis.auth import public
from shared.chassis.problems import Problem
from shared.chassis.tests.conftest import MakeClient
from shared.kernel.errors import Refused, RevisionMismatch, TooLarge

BASE = "/api/demo/v1"
CANARY = "Rex-the-canary"


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    count: int
    kind: str = Field(pattern="^[a-z]+$", default="a")
    inner: dict[str, int] = {}


def raising(error: Exception) -> APIRouter:
    router = APIRouter(dependencies=[Depends(public)])

    @router.get("/raise")
    async def fail() -> None:
        raise error

    return router


def taking_body() -> APIRouter:
    router = APIRouter(dependencies=[Depends(public)])

    @router.post("/things")
    async def take(body: Body, page: Annotated[int, Query(ge=1)] = 1) -> dict[str, int]:
        return {"count": body.count, "page": page}

    return router


def test_a_problem_has_type_title_status_code_and_extensions(make_client: MakeClient) -> None:
    client = make_client(raising(Problem(409, "slot-taken", "The slot is taken.", "By another.", slot="09:00")))
    response = client.get(f"{BASE}/raise")
    assert response.status_code == 409
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "type": "https://vetwire.dev/problems/slot-taken",
        "title": "The slot is taken.",
        "status": 409,
        "code": "slot-taken",
        "detail": "By another.",
        "slot": "09:00",
    }


def test_an_extension_cannot_hide_a_standard_member(make_client: MakeClient) -> None:
    problem = Problem(409, "slot-taken", "The slot is taken.", type="other")
    assert make_client(raising(problem)).get(f"{BASE}/raise").json()["type"].endswith("/slot-taken")


def test_a_refusal_is_409_unless_the_service_says_otherwise(make_client: MakeClient) -> None:
    router = raising(Refused("slot-in-the-past"))
    response = make_client(router).get(f"{BASE}/raise")
    assert (response.status_code, response.json()["code"]) == (409, "slot-in-the-past")
    assert "detail" not in response.json()
    mapped = make_client(router, refusals={"slot-in-the-past": 422}).get(f"{BASE}/raise")
    assert mapped.status_code == 422


def test_a_refusal_with_a_reason_shows_it(make_client: MakeClient) -> None:
    response = make_client(raising(Refused("too-late", "The desk is closed."))).get(f"{BASE}/raise")
    assert response.json()["detail"] == "The desk is closed."


def test_a_stale_revision_is_412_and_names_the_present_one_but_not_the_stream(make_client: MakeClient) -> None:
    response = make_client(raising(RevisionMismatch("patient-elm.42", 3, 5))).get(f"{BASE}/raise")
    assert (response.status_code, response.json()["revision"]) == (412, 5)
    assert "patient-elm" not in response.text


def test_what_is_too_large_to_be_stored_is_413_and_names_no_stream(make_client: MakeClient) -> None:
    response = make_client(raising(TooLarge("patient-elm.42", 2_000_000, 1_000_000))).get(f"{BASE}/raise")
    assert (response.status_code, response.json()["code"]) == (413, "content-too-large")
    assert "patient-elm" not in response.text


def test_a_stale_revision_without_a_known_present_one(make_client: MakeClient) -> None:
    response = make_client(raising(RevisionMismatch("patient-elm.42", 3))).get(f"{BASE}/raise")
    assert response.status_code == 412
    assert "revision" not in response.json()


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"count": CANARY}, "/count", "int-parsing"),
        ({}, "/count", "missing"),
        ({"count": 1, CANARY: CANARY}, f"/{CANARY}", "extra-forbidden"),
        ({"count": 1, "kind": CANARY}, "/kind", "string-pattern-mismatch"),
        ({"count": 1, "inner": {"a/b~c": CANARY}}, "/inner/a~1b~0c", "int-parsing"),
    ],
)
def test_an_invalid_body_is_422_with_a_json_pointer(
    make_client: MakeClient, body: dict[str, object], pointer: str, code: str
) -> None:
    response = make_client(taking_body()).post(f"{BASE}/things", json=body)
    assert response.status_code == 422
    error = response.json()["errors"][0]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert CANARY not in error["detail"]


def test_what_was_sent_is_never_sent_back(make_client: MakeClient) -> None:
    client = make_client(taking_body())
    for kwargs in ({"json": {"count": CANARY, "kind": CANARY}}, {"content": f'{{"count": "{CANARY}'}):
        response = client.post(f"{BASE}/things", headers={"content-type": "application/json"}, **kwargs)
        assert response.status_code == 422
        assert CANARY not in response.text


HOSTILE = {
    "not UTF-8": (b'{"count": "\xff"}', 400),
    "half of a UTF-16 text": (b"\xff\xfe", 422),
    "nested too deeply": (b'{"count":' + b"[" * 100_000, 400),
    "NaN": (b'{"count": NaN}', 422),
    "infinite": (b'{"count": 1e999}', 422),
    "a number of 5000 digits": (b'{"count": ' + b"9" * 5_000 + b"}", 400),
    "a lone surrogate as a value": (b'{"count": 1, "kind": "\\ud800"}', 422),
    "a lone surrogate as a name": (b'{"count": 1, "\\ud800": 1}', 422),
    "a long name": (b'{"count": 1, "' + b"x" * 100_000 + b'": 1}', 422),
    "nothing": (b"", 422),
    "null": (b"null", 422),
    "a list": (b"[]", 422),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_body_is_the_callers_fault_and_gets_a_small_answer(make_client: MakeClient, case: str) -> None:
    content, status = HOSTILE[case]
    headers = {"content-type": "application/json"}
    response = make_client(taking_body()).post(f"{BASE}/things", content=content, headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.content) < 2_000


def test_an_invalid_query_names_the_parameter(make_client: MakeClient) -> None:
    response = make_client(taking_body()).post(f"{BASE}/things?page=0", json={"count": 1})
    assert response.json()["errors"][0]["pointer"] == "query:page"


def test_a_broken_json_body_points_at_the_place(make_client: MakeClient) -> None:
    response = make_client(taking_body()).post(
        f"{BASE}/things", content=b'{"count": ', headers={"content-type": "application/json"}
    )
    assert response.json()["errors"][0] == {"pointer": "/10", "code": "json-invalid", "detail": "Json invalid."}


def test_at_most_a_hundred_errors_are_listed(make_client: MakeClient) -> None:
    body = {"count": 1, **{f"x{n}": n for n in range(500)}}
    assert len(make_client(taking_body()).post(f"{BASE}/things", json=body).json()["errors"]) == 100


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", f"{BASE}/nowhere", 404, "not-found"),
        ("DELETE", f"{BASE}/things", 405, "method-not-allowed"),
    ],
)
def test_what_the_framework_refuses_is_a_problem_too(
    make_client: MakeClient, method: str, path: str, status: int, code: str
) -> None:
    response = make_client(taking_body()).request(method, path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


def test_headers_of_an_http_exception_are_kept(make_client: MakeClient) -> None:
    response = make_client(raising(HTTPException(503, CANARY, {"Retry-After": "7"}))).get(f"{BASE}/raise")
    assert response.headers["retry-after"] == "7"
    assert response.json()["code"] == "service-unavailable"
    assert CANARY not in response.text


def test_what_nobody_expected_is_500_without_internals_and_logged_with_its_id(make_client: MakeClient) -> None:
    client = make_client(raising(RuntimeError(CANARY)))
    with structlog.testing.capture_logs() as entries:
        response = client.get(f"{BASE}/raise", headers={"X-Request-Id": "request-0001"})
    assert response.status_code == 500
    assert CANARY not in response.text
    assert response.json()["correlation_id"] == response.headers["x-request-id"] == "request-0001"
    assert [entry["event"] for entry in entries] == ["unexpected-error"]
    assert response.headers["content-type"] == "application/problem+json"


def test_openapi_is_valid_and_documents_problems_and_nothing_else(make_client: MakeClient) -> None:
    schema = make_client(taking_body()).get(f"{BASE}/openapi.json").json()
    validate(schema)
    assert schema["openapi"].startswith("3.1")
    responses = schema["paths"][f"{BASE}/things"]["post"]["responses"]
    assert set(responses) == {"200", "default"}
    assert list(responses["default"]["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in schema["components"]["schemas"]


def test_there_is_no_documentation_user_interface(make_client: MakeClient) -> None:
    client = make_client(taking_body())
    assert [client.get(path).status_code for path in ("/docs", "/redoc", f"{BASE}/docs")] == [404] * 3
