"""Design 18, against a real change stream. Streams are read below HTTP, as an ASGI server would send them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import StreamingResponse

from shared.chassis.api_app import create_api
from shared.chassis.auth import clinic_access
from shared.chassis.change_feed import BACKLOG, ChangeFeed, Moved, Place
from shared.chassis.clock import now
from shared.chassis.mongo import Collection, Database, Document
from shared.chassis.sse import LiveFeeds, live
from shared.chassis.tests.conftest import DemoSettings
from shared.testing.tokens import Mint

pytestmark = [pytest.mark.anyio, pytest.mark.servers]


@dataclass
class Reader:
    """What one client has got so far."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    blocks: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    body: bytes = b""

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        self.body += message.get("body", b"")
        for block in message.get("body", b"").decode().split("\n\n"):
            if block:
                self.blocks.put_nowait(block)

    async def block(self) -> str:
        return await asyncio.wait_for(self.blocks.get(), 10)

    async def event(self) -> tuple[str, str, Any]:
        """(event, id, data) of the next event; comments are passed over."""
        while (block := await self.block()).startswith(":"):
            continue
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        return fields["event"], fields["id"], orjson.loads(fields["data"])


def shown(document: Document) -> Mapping[str, Any] | None:
    return None if document.get("hidden") else {"id": document["_id"], "state": document["state"]}


class Stage:
    """An app whose one route is live, and its collection."""

    def __init__(self, collection: Collection, mint: Mint) -> None:
        self.collection = collection
        self.mint = mint
        router = APIRouter()

        @router.get("/clinics/{clinic_id}/live", dependencies=[Depends(clinic_access("staff"))])
        async def changes(clinic_id: str, request: Request) -> StreamingResponse:
            return live(request, collection, {"clinic_id": clinic_id, "of.kind": "cat"}, shown)

        self.app: FastAPI = create_api(DemoSettings(), [router], verifier=mint.verifier())
        self.app.state.live = self.live = LiveFeeds("demo", per_subject=2)

    async def put(self, key: str, clinic: str = "elm", state: str = "new", **more: Any) -> None:
        document = {"_id": key, "clinic_id": clinic, "of": {"kind": "cat"}, "state": state, **more}
        await self.collection.replace_one({"_id": key}, document, upsert=True)

    @asynccontextmanager
    async def reading(self, last: str | None = None, clinic: str = "elm", **claims: Any) -> AsyncIterator[Reader]:
        headers = {**self.mint.headers("staff", ("elm", "oak"), **claims), **({"last-event-id": last} if last else {})}
        path = f"/api/demo/v1/clinics/{clinic}/live"
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "asgi": {"version": "3.0", "spec_version": "2.3"},
        }
        reader = Reader()
        gone = asyncio.Event()
        messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Any:
            for message in messages:
                return message
            await gone.wait()
            return {"type": "http.disconnect"}

        async def run() -> None:
            await self.app(scope, receive, reader.send)
            reader.ended.set()

        task = asyncio.create_task(run())
        try:
            yield reader
        finally:
            gone.set()
            await asyncio.wait_for(task, 5)


@pytest.fixture
async def stage(database: Database, mint: Mint) -> AsyncIterator[Stage]:
    stage = Stage(database["cards"], mint)
    yield stage
    await stage.live.stop()


async def test_a_change_reaches_the_reader_rendered_and_with_its_place(stage: Stage) -> None:
    async with stage.reading() as reader:
        kind, place, data = await reader.event()
        assert (kind, data) == ("open", {})
        await stage.put("elm.1", private="not for readers")
        kind, later, data = await reader.event()
        assert (kind, data) == ("change", {"id": "elm.1", "state": "new"})
        assert later != place
    assert reader.status == 200
    assert reader.headers["content-type"].startswith("text/event-stream")
    assert reader.headers["cache-control"] == "no-store"
    assert b"private" not in reader.body


async def test_only_what_matches_and_is_rendered_is_sent(stage: Stage) -> None:
    async with stage.reading() as reader:
        await reader.event()
        await stage.put("oak.1", clinic="oak")
        await stage.put("elm.1", of={"kind": "dog"})
        await stage.put("elm.2", hidden=True)
        await stage.put("elm.3")
        assert (await reader.event())[2]["id"] == "elm.3"


async def test_two_tenants_on_one_feed_do_not_mix(stage: Stage) -> None:
    async with stage.reading() as elm, stage.reading(clinic="oak") as oak:
        await elm.event()
        await oak.event()
        await stage.put("oak.1", clinic="oak")
        await stage.put("elm.1")
        assert (await elm.event())[2]["id"] == "elm.1"
        assert (await oak.event())[2]["id"] == "oak.1"
    assert b"oak" not in elm.body
    assert b"elm" not in oak.body


async def test_a_reader_who_comes_back_misses_nothing_and_sees_nothing_twice(stage: Stage) -> None:
    async with stage.reading() as reader:
        await reader.event()
        await stage.put("elm.1")
        _, place, _ = await reader.event()
    for number in range(2, 12):
        await stage.put(f"elm.{number}")
        await stage.put(f"oak.{number}", clinic="oak")
    async with stage.reading(last=place) as reader:
        for number in range(12, 16):
            await stage.put(f"elm.{number}")
        seen = [(await reader.event())[2]["id"] for _ in range(2, 16)]
    assert seen == [f"elm.{number}" for number in range(2, 16)]


async def test_what_happens_while_a_reader_catches_up_is_told_once(stage: Stage) -> None:
    """The shared feed is open already, so it sees the same changes as the reader's own look back."""
    async with stage.reading() as first:
        _, place, _ = await first.event()
        await stage.put("elm.0")
        await first.event()
        async with stage.reading(last=place) as reader:
            for number in range(1, 20):
                await asyncio.sleep(0.02)
                await stage.put(f"elm.{number}")
            seen = [(await reader.event())[2]["id"] for _ in range(20)]
            assert seen == [f"elm.{number}" for number in range(20)]
            await asyncio.sleep(0.6)
            assert reader.blocks.empty()


async def test_a_reader_can_come_back_to_another_process(stage: Stage, mint: Mint) -> None:
    async with stage.reading() as reader:
        _, place, _ = await reader.event()
    await stage.put("elm.1")
    other = Stage(stage.collection, mint)
    async with other.reading(last=place) as reader:
        assert (await reader.event())[2]["id"] == "elm.1"
    await other.live.stop()


@pytest.mark.parametrize("last", ["rubbish", "1-00", "999999999999-00", "1-", "{}", "0" * 3_000])
async def test_a_place_that_is_none_or_long_gone_means_load_anew(stage: Stage, last: str) -> None:
    async with stage.reading(last=last) as reader:
        assert (await reader.event())[0] == "reset"
        await stage.put("elm.1")
        assert (await reader.event())[2]["id"] == "elm.1"


async def test_a_recent_place_that_the_server_does_not_know_means_load_anew(stage: Stage) -> None:
    async with stage.reading(last=f"{int(now().timestamp())}-8265") as reader:
        assert (await reader.event())[0] == "reset"
        await stage.put("elm.1")
        assert (await reader.event())[2]["id"] == "elm.1"


async def test_when_the_collection_is_replaced_readers_load_anew_and_go_on(stage: Stage) -> None:
    async with stage.reading() as reader:
        await reader.event()
        await stage.put("elm.1")
        await reader.event()
        await stage.collection.drop()
        assert (await reader.event())[0] == "reset"
        await stage.put("elm.2")
        assert (await reader.event())[2]["id"] == "elm.2"


async def test_a_quiet_stream_shows_that_it_is_alive(stage: Stage) -> None:
    stage.live.heartbeat = 0.05
    async with stage.reading() as reader:
        assert (await reader.block()).startswith(":")


async def test_a_stream_ends_when_its_token_expires(stage: Stage) -> None:
    soon = int((now() + timedelta(seconds=2)).timestamp())
    async with stage.reading(exp=soon) as reader:
        await reader.event()
        await asyncio.wait_for(reader.ended.wait(), 5)
        assert now().timestamp() >= soon


async def test_a_subject_has_a_bounded_number_of_streams(stage: Stage) -> None:
    async with stage.reading() as first, stage.reading() as second, stage.reading(sub="staff-2") as other:
        for reader in (first, second, other):
            await reader.event()
        async with stage.reading() as third:
            await asyncio.wait_for(third.ended.wait(), 5)
        assert third.status == 429
        assert b"too-many-live-streams" in third.body
    async with stage.reading() as again:
        assert (await again.event())[0] == "open"


async def test_draining_ends_streams_and_lets_no_new_one_in(stage: Stage) -> None:
    async with stage.reading() as reader:
        await reader.event()
        stage.live.close()
        await asyncio.wait_for(reader.ended.wait(), 5)
    async with stage.reading() as late:
        await asyncio.wait_for(late.ended.wait(), 5)
    assert late.status == 503


async def test_nothing_is_read_from_mongodb_once_nobody_watches(stage: Stage) -> None:
    async with stage.reading() as reader:
        await reader.event()
        feed = stage.live.feed(stage.collection)
        assert feed._running is not None
        assert not feed._running.done()
    await asyncio.wait_for(feed._running, 5)


async def test_many_readers_share_one_change_stream(stage: Stage) -> None:
    stage.live = stage.app.state.live = LiveFeeds("demo", per_subject=50)
    async with stage.reading() as first:
        await first.event()
        readers = [stage.reading() for _ in range(30)]
        entered = [await reader.__aenter__() for reader in readers]
        assert [(await reader.event())[0] for reader in entered] == ["open"] * 30
        await stage.put("elm.1")
        assert {(await reader.event())[2]["id"] for reader in (first, *entered)} == {"elm.1"}
        for reader in readers:
            await reader.__aexit__(None, None, None)


async def test_a_reader_that_does_not_keep_up_starts_anew_instead_of_filling_the_memory(stage: Stage) -> None:
    subscription = ChangeFeed(stage.collection).subscribe({}, None)
    subscription.go_live()
    place = Place(1, "00")
    for number in range(BACKLOG + 5):
        subscription.offer(Moved("change", place, {"n": number}))
    told = [await subscription.next() for _ in range(6)]
    assert [moved.kind for moved in told if moved] == ["reset", *["change"] * 5]
    assert [moved.document for moved in told[1:] if moved] == [{"n": BACKLOG + n} for n in range(5)]
