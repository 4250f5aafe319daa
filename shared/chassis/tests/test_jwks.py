import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, ClassVar

import httpx2
import pytest

from shared.chassis.clock import Clock, use_clock
from shared.chassis.jwks import KeySet, KeysUnavailable, jwks_at
from shared.testing.tokens import Mint

pytestmark = pytest.mark.anyio


class Issuer:
    """A key source that can be changed, broken, and counted; and the time."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.mints = [Mint()]
        self.fetches = 0
        self.is_down = False

    async def keys(self) -> Mapping[str, Any]:
        self.fetches += 1
        await asyncio.sleep(0)
        if self.is_down:
            raise httpx2.ConnectError("down")
        return {"keys": [mint.key.jwk() for mint in self.mints]}

    @property
    def kid(self) -> str:
        return self.mints[-1].key.kid


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """Asynchronous, so that the clock is set in the context in which the test runs."""
    issuer = Issuer()
    with use_clock(Clock(now=lambda: issuer.now)):
        yield issuer


async def test_keys_are_fetched_once_while_fresh(issuer: Issuer) -> None:
    keys = KeySet(issuer.keys)
    assert all([await keys.key(issuer.kid) for _ in range(5)])
    assert issuer.fetches == 1


async def test_many_askers_at_once_cause_one_fetch(issuer: Issuer) -> None:
    keys = KeySet(issuer.keys)
    found = await asyncio.gather(*(keys.key(issuer.kid) for _ in range(20)))
    assert all(found)
    assert issuer.fetches == 1


async def test_a_new_key_is_found_by_its_unknown_id(issuer: Issuer) -> None:
    keys = KeySet(issuer.keys)
    await keys.key(issuer.kid)
    issuer.mints.append(Mint())
    issuer.now += timedelta(seconds=10)
    assert await keys.key(issuer.kid) is not None
    assert issuer.fetches == 2


async def test_unknown_ids_cannot_be_used_to_flood_the_issuer(issuer: Issuer) -> None:
    keys = KeySet(issuer.keys, min_interval=timedelta(seconds=5))
    for number in range(50):
        assert await keys.key(f"made-up-{number}") is None
    assert issuer.fetches == 1
    issuer.now += timedelta(seconds=5)
    await keys.key("made-up")
    assert issuer.fetches == 2


async def test_known_keys_serve_on_while_the_issuer_is_down_but_not_for_ever(issuer: Issuer) -> None:
    keys = KeySet(issuer.keys, stale_for=timedelta(hours=1))
    await keys.key(issuer.kid)
    issuer.is_down = True
    issuer.now += timedelta(hours=1)
    assert await keys.key(issuer.kid) is not None
    issuer.now += timedelta(seconds=1)
    with pytest.raises(KeysUnavailable):
        await keys.key(issuer.kid)
    issuer.is_down = False
    issuer.now += timedelta(seconds=10)
    assert await keys.key(issuer.kid) is not None


async def test_without_any_keys_nobody_is_let_in_or_turned_away(issuer: Issuer) -> None:
    issuer.is_down = True
    with pytest.raises(KeysUnavailable):
        await KeySet(issuer.keys).key("any")


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB"},
        {"kty": "OKP", "crv": "Ed448", "kid": "k", "x": "AAAA"},
        {"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "AAAA"},
        {"kty": "OKP", "crv": "Ed25519", "kid": "k"},
        {"kty": "OKP", "crv": "Ed25519", "kid": "k", "use": "enc", "x": Mint().key.x},
        {"kty": "oct", "kid": "k", "k": "c2VjcmV0"},
        {"kty": "OKP", "crv": "Ed25519", "x": Mint().key.x},
        "rubbish",
    ],
)
async def test_keys_we_cannot_use_are_passed_over(issuer: Issuer, entry: Any) -> None:
    async def source() -> Mapping[str, Any]:
        return {"keys": [entry, *(await issuer.keys())["keys"]]}

    keys = KeySet(source)
    assert await keys.key("k") is None
    assert await keys.key(issuer.kid) is not None


class Page(BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, tuple[int, bytes]]] = {}

    def do_GET(self) -> None:
        status, body = self.answers[self.path]
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/good")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name
        """Quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Page) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


async def test_the_document_is_fetched_and_only_from_where_we_were_told(server: str) -> None:
    good = json.dumps({"keys": [Mint().key.jwk()]}).encode()
    Page.answers = {
        "/good": (200, good),
        "/moved": (302, b""),
        "/error": (500, good),
        "/list": (200, b"[]"),
        "/text": (200, b"no JSON"),
        "/huge": (200, good + b" " * 70_000),
    }
    assert len((await jwks_at(f"{server}/good")())["keys"]) == 1
    for path in ("moved", "error", "list", "text", "huge"):
        with pytest.raises((httpx2.HTTPError, ValueError)):
            await jwks_at(f"{server}/{path}")()
