"""Design 15; OWASP API4. The body arrives in chunks of any size."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from shared.chassis.auth import public
from shared.chassis.problems import Problem
from shared.chassis.settings import ChassisSettings
from shared.chassis.tests.conftest import DemoSettings, MakeClient
from shared.chassis.uploads import chunks, lines

BASE = "/api/demo/v1"
BOM = b"\xef\xbb\xbf"


def request_of(*parts: bytes, **headers: str) -> Request:
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    rest = iter([*messages, {"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        return next(rest)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw}, receive)


async def collected(source: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in source]


def lines_of(*parts: bytes, max_line_bytes: int = 1_000) -> list[tuple[int, bytes]]:
    async def read() -> list[tuple[int, bytes]]:
        return await collected(lines(request_of(*parts), 10_000, max_line_bytes))

    return anyio.run(read)


def test_lines_are_numbered_from_one_and_lose_their_ends() -> None:
    assert lines_of(b"a\r\nb\nc") == [(1, b"a"), (2, b"b"), (3, b"c")]


def test_a_last_line_end_makes_no_empty_line() -> None:
    assert lines_of(b"a\n") == [(1, b"a")]
    assert lines_of(b"") == []
    assert lines_of(b"a\n\n") == [(1, b"a"), (2, b"")]


def test_an_end_that_is_cut_between_two_chunks_is_one_end() -> None:
    assert lines_of(b"a\r", b"\nb\r", b"\n") == [(1, b"a"), (2, b"b")]


def test_a_byte_order_mark_is_removed_before_the_first_line_only() -> None:
    assert lines_of(BOM[:1], BOM[1:] + b"a\n" + BOM + b"b") == [(1, b"a"), (2, BOM + b"b")]
    assert lines_of(BOM) == [(1, b"")]


@given(st.lists(st.binary(max_size=8)), st.sampled_from([b"\n", b"\r\n"]), st.integers(1, 7))
def test_how_the_body_is_cut_does_not_matter(rows: list[bytes], end: bytes, size: int) -> None:
    clean = [row.replace(b"\n", b"").replace(b"\r", b"") for row in rows]
    body = BOM + b"first" + end + b"".join(row + end for row in clean)
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    assert [line for _, line in lines_of(*parts)] == [b"first", *clean]


@pytest.mark.parametrize("parts", [(b"ok\n" + b"x" * 11 + b"\n",), (b"ok\n", b"x" * 6, b"x" * 6)])
def test_a_line_that_is_too_long_is_413_and_names_the_line(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(Problem) as refusal:
        lines_of(*parts, max_line_bytes=10)
    assert (refusal.value.status, refusal.value.code) == (413, "line-too-long")
    assert refusal.value.extensions == {"line": 2}


def test_a_line_may_be_exactly_as_long_as_allowed() -> None:
    assert lines_of(BOM + b"x" * 10 + b"\r", b"\n" + b"y" * 10, max_line_bytes=10) == [(1, b"x" * 10), (2, b"y" * 10)]


def test_an_endless_line_is_refused_before_it_fills_the_memory() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 100

    async def read() -> None:
        source = endless()

        async def receive() -> Any:
            return {"type": "http.request", "body": next(source), "more_body": True}

        await collected(lines(Request({"type": "http", "headers": []}, receive), 10**9, 1_000))

    with pytest.raises(Problem):
        anyio.run(read)
    assert taken == 11


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    router = APIRouter(dependencies=[Depends(public)])

    @router.post("/small")
    async def small(body: dict[str, str]) -> int:
        return len(body)

    @router.post("/unread")
    async def unread() -> str:
        return "fine"

    @router.post("/large")
    async def large(request: Request) -> int:
        return sum([len(chunk) async for chunk in chunks(request, 5_000)])

    settings: ChassisSettings = DemoSettings(max_body_bytes=1_000)
    return make_client(router, settings=settings)


def in_chunks(size: int) -> Iterator[bytes]:
    for _ in range(0, size, 100):
        yield b"x" * 100


def test_a_declared_body_above_the_limit_is_413(client: TestClient) -> None:
    response = client.post(f"{BASE}/small", json={"a": "x" * 2_000})
    assert (response.status_code, response.json()["code"]) == (413, "content-too-large")
    assert client.post(f"{BASE}/small", json={"a": "x" * 900}).status_code == 200


def test_a_chunked_body_above_the_limit_is_413(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    response = client.post(f"{BASE}/small", content=in_chunks(2_000), headers=headers)
    assert (response.status_code, response.json()["code"]) == (413, "content-too-large")


def test_an_upload_has_its_own_limit_declared_or_chunked(client: TestClient) -> None:
    assert client.post(f"{BASE}/large", content=b"x" * 5_000).json() == 5_000
    assert client.post(f"{BASE}/large", content=in_chunks(5_000)).json() == 5_000
    for content in (b"x" * 5_001, in_chunks(5_100)):
        response = client.post(f"{BASE}/large", content=content)
        assert (response.status_code, response.json()["code"]) == (413, "content-too-large")


@pytest.mark.parametrize("length", ["-1", "x", "1e9", ""])
def test_a_strange_declared_length_does_not_switch_the_limit_off(client: TestClient, length: str) -> None:
    headers = {"Content-Length": length, "Content-Type": "application/json"}
    assert client.post(f"{BASE}/small", content=in_chunks(2_000), headers=headers).status_code == 413
