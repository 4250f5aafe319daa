"""RFC 8288; ASVS 14.2.1 (nothing sensitive in URLs)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import APIRouter, Depends, Query, Response
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from shared.chassis.auth import public
from shared.chassis.cursors import Page, decode, encode
from shared.chassis.problems import Problem
from shared.chassis.tests.conftest import MakeClient

BASE = "/api/demo/v1"
SECRET = b"s" * 32
NAMES = [f"name-{number:03}" for number in range(120)]


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    router = APIRouter(dependencies=[Depends(public)])

    @router.get("/names")
    @router.get("/other-names", operation_id="other_names")
    async def names(paging: Page, response: Response, tag: Annotated[list[str] | None, Query()] = None) -> list[str]:
        rows = [name for name in NAMES if paging.after is None or name > paging.after][: paging.read]
        return list(paging.page(rows, lambda name: name, response))

    return make_client(router)


def next_of(response: httpx2.Response) -> str | None:
    return response.links["next"]["url"] if "next" in response.links else None


def test_following_next_visits_every_row_once(client: TestClient) -> None:
    seen: list[str] = []
    url: str | None = f"{BASE}/names?limit=50"
    while url:
        response = client.get(url)
        seen += response.json()
        url = next_of(response)
    assert seen == NAMES


def test_a_last_page_that_is_exactly_full_has_no_next(client: TestClient) -> None:
    assert next_of(client.get(f"{BASE}/names?limit=120")) is None
    assert next_of(client.get(f"{BASE}/names?limit=119")) is not None


def test_next_keeps_the_filters_repeated_ones_too(client: TestClient) -> None:
    url = next_of(client.get(f"{BASE}/names?limit=5&tag=a%26b&tag=c"))
    assert url is not None
    query = parse_qs(urlsplit(url).query)
    assert (query["tag"], query["limit"]) == (["a&b", "c"], ["5"])
    assert client.get(url).json() == NAMES[5:10]


def test_the_size_of_a_page_may_change_on_the_way(client: TestClient) -> None:
    url = next_of(client.get(f"{BASE}/names?limit=5"))
    assert url is not None
    assert client.get(url.replace("limit=5", "limit=2")).json() == NAMES[5:7]


@pytest.mark.parametrize("change", [("names", "other-names"), ("cursor=", "tag=x&cursor="), ("cursor=", "cursor=A")])
def test_a_cursor_of_another_list_is_refused(client: TestClient, change: tuple[str, str]) -> None:
    url = next_of(client.get(f"{BASE}/names?limit=5"))
    assert url is not None
    response = client.get(url.replace(*change))
    assert (response.status_code, response.json()["code"]) == (400, "cursor-invalid")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", ""])
def test_a_limit_is_between_1_and_200(client: TestClient, limit: str) -> None:
    response = client.get(f"{BASE}/names?limit={limit}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "query:limit"


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "A" * 200, "é", "A" * 5_000])
def test_rubbish_is_no_cursor(client: TestClient, cursor: str) -> None:
    assert client.get(f"{BASE}/names", params={"cursor": cursor}).status_code in {400, 422}


@given(
    st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists, max_leaves=5),
    st.text(max_size=40),
)
def test_a_position_comes_back_as_it_was(position: object, binding: str) -> None:
    assert decode(SECRET, binding, encode(SECRET, binding, position)) == position


@given(st.integers(min_value=0, max_value=200), st.integers(min_value=1, max_value=255))
def test_no_changed_byte_goes_unnoticed(place: int, change: int) -> None:
    sealed = bytearray(urlsafe_b64decode(encode(SECRET, "b", ["Ann", 7]) + "=="))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(Problem):
        decode(SECRET, "b", urlsafe_b64encode(sealed).rstrip(b"=").decode())


def test_another_secret_opens_nothing() -> None:
    with pytest.raises(Problem):
        decode(b"r" * 32, "b", encode(SECRET, "b", 1))


def test_a_cursor_does_not_show_what_it_holds() -> None:
    cursor = encode(SECRET, "b", ["Annabel Lee"])
    assert b"Annabel" not in urlsafe_b64decode(cursor + "==")
    assert cursor == encode(SECRET, "b", ["Annabel Lee"])
