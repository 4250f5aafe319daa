"""A guest book: one route, one view, one automation. Its API and worker run inside the test, which sees all they tell.

Some texts break something: `break the view`, `break the automation`, `break the mail`, `break the command`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import httpx2
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from shared.chassis import kafka
from shared.chassis.api_app import create_api
from shared.chassis.auth import clinic_access
from shared.chassis.commands import handle
from shared.chassis.endpoints import Once, Store, accepted, context
from shared.chassis.idempotency_store import MongoIdempotencyStore
from shared.chassis.runtime import Runtime, runtime
from shared.chassis.settings import ChassisSettings
from shared.chassis.verifier import Identity
from shared.chassis.views import Views
from shared.chassis.worker_app import Worker, WorkerSpec
from shared.events.base import REGISTRY, Event, Personal, event_type
from shared.events.topics import Topic, events_topic, parked_topic
from shared.kernel.automation import Automation, Cause, Issue, Mail, Reaction
from shared.kernel.decider import Decider, Projection
from shared.kernel.errors import Refused
from shared.testing.caller import Caller as Caller
from shared.testing.tokens import Mint

SERVICE = "guestbook"
TOPICS = (Topic(events_topic(SERVICE)), Topic(parked_topic(SERVICE)))


class Signed(Event):
    clinic_id: str
    guest: Personal[str] = None
    mail: Personal[str] = None
    text: Personal[str] = None


class Thanked(Event):
    clinic_id: str


@contextmanager
def registered() -> Iterator[None]:
    before = dict(REGISTRY)
    event_type("guestbook.Signed.v1", subject="guest:{clinic_id}")(Signed)
    event_type("guestbook.Thanked.v1")(Thanked)
    try:
        yield
    finally:
        REGISTRY.clear()
        REGISTRY.update(before)


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    guest: Annotated[str, Field(max_length=100)]
    mail: Annotated[str, Field(pattern="@")]
    text: str


@dataclass(frozen=True)
class Sign:
    clinic_id: str
    entry: Entry


def _decide(command: Sign, signed: int) -> Sequence[Signed]:
    entry = command.entry
    if entry.text == "break the command":
        raise LookupError(f"{entry.guest} <{entry.mail}>: {entry.text}")
    if signed:
        raise Refused("already-signed")
    return [Signed(clinic_id=command.clinic_id, guest=entry.guest, mail=entry.mail, text=entry.text)]


SIGN = Decider[Sign, Signed, int]("entry", 0, _decide, lambda state, _event: state + 1)
THANK = Decider[str, Thanked, int](
    "thanks", 0, lambda clinic, _: [Thanked(clinic_id=clinic)], lambda state, _event: state + 1
)


class Page(BaseModel):
    guest: str | None
    text: str | None


def _evolve(page: Page | None, event: Signed) -> Page:
    if event.text == "break the view":
        raise ArithmeticError(f"{event.guest}: {event.text}")
    return Page(guest=event.guest, text=event.text)


PAGES = Projection("pages", "entry", (Signed,), Page, _evolve)


def _react(cause: Cause[Signed]) -> Sequence[Reaction]:
    signed = cause.event
    if signed.text == "break the automation":
        raise ArithmeticError(f"{signed.guest}: {signed.text}")
    mail = Mail(to=signed.mail or "", subject=f"Thank you, {signed.guest}", text=signed.text or "")
    return [Issue(THANK, cause.local_id, cause.clinic_id), mail]


THANKING = Automation("when_signed_then_thank", Signed, _react)
SPEC = WorkerSpec((SERVICE,), (PAGES,), (THANKING,), (Signed, Thanked))
router = APIRouter()
Staff = Annotated[Identity, Depends(clinic_access("staff"))]


@router.post("/clinics/{clinic_id}/entries", status_code=201)
async def sign(clinic_id: str, body: Entry, who: Staff, store: Store, once: Once) -> Response:
    local_id = once.command_id.hex if body.guest != "Nobody Twice" else "twice"
    handled = await handle(store, SIGN, local_id, Sign(clinic_id, body), context(who, clinic_id, once.command_id))
    return await once.answer(accepted(handled))


class GuestbookSettings(ChassisSettings):
    service = SERVICE


class Post:
    """Where mails end up; some cannot be sent, and the server quotes them."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []

    async def send(self, mail: Mail, message_id: str) -> None:
        if mail.text == "break the mail":
            raise ConnectionError(f"550 no such mailbox: <{mail.to}>")
        self.sent.append(mail)


@dataclass
class Guestbook:
    """`caller(clinic)` is its API to staff of a clinic; `follow` does what the worker does with what Kafka holds."""

    running: Runtime
    http: httpx2.AsyncClient
    mint: Mint
    worker: Worker
    post: Post
    followed: set[tuple[int, int]] = field(default_factory=set)

    async def sign(self, clinic: str, key: str, headers: dict[str, str] | None = None, **entry: Any) -> httpx2.Response:
        """A request in a task of its own, as a server has it."""
        more = {**self.mint.headers("staff", (clinic,)), "Idempotency-Key": key, **(headers or {})}
        url = f"/api/guestbook/v1/clinics/{clinic}/entries"
        return await asyncio.create_task(self.http.post(url, json=entry, headers=more))

    async def follow(self) -> None:
        """Hand the worker the records of the topic that it has not had."""
        brokers = self.running.settings.brokers
        async for records in kafka.read_until(brokers, await kafka.ends(brokers, [TOPICS[0].name])):
            mine = [record for record in records if (record.partition, record.offset) not in self.followed]
            self.followed |= {(record.partition, record.offset) for record in mine}
            if mine:
                await self.worker._follower.handle(mine)


@asynccontextmanager
async def guestbook() -> AsyncIterator[Guestbook]:
    """By the settings in the environment. Relay and outbox run; the reading of Kafka waits for `follow`."""
    settings = GuestbookSettings()
    await kafka.ensure_topics(settings.brokers, TOPICS)
    mint = Mint()
    with registered():
        async with runtime(settings) as running:
            state = {"runtime": running, "views": Views(running.db), "idempotency": MongoIdempotencyStore(running.db)}
            app = create_api(settings, [router], verifier=mint.verifier(), state=state)
            worker, post = Worker(SPEC, running), Post()
            worker._outbox._sender = post
            tasks = [asyncio.ensure_future(part) for part in (worker._relay.run(), worker._outbox.run())]
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as http:
                yield Guestbook(running, http, mint, worker, post)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
