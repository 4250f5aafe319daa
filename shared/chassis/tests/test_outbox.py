"""Effects leave once each, and one that cannot leave holds up nobody (design 14)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from shared.chassis import outbox as module
from shared.chassis.mongo import Database
from shared.chassis.outbox import MailSender, Outbox, ensure_outbox_index
from shared.kernel.automation import Mail

pytestmark = pytest.mark.anyio


class Post:
    """Fails for the subject `bad`, hangs for `slow`, and remembers the rest."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, mail: Mail, message_id: str) -> None:
        if mail.subject == "bad":
            raise IndexError("list index out of range")
        if mail.subject == "slow":
            await asyncio.Event().wait()
        self.sent.append(message_id)


@asynccontextmanager
async def running(db: Database, sender: MailSender) -> AsyncIterator[Outbox]:
    outbox = Outbox("toy", db, sender)
    task = asyncio.ensure_future(outbox.run())
    try:
        yield outbox
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def eventually(ask: Callable[[], Awaitable[object]]) -> None:
    for _ in range(500):
        if await ask():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not within 10 s")


def mail(subject: str) -> Mail:
    return Mail(to="a@b.example", subject=subject, text="t")


async def test_an_effect_decided_twice_leaves_once(database: Database) -> None:
    post = Post()
    async with running(database, post) as outbox:
        for _ in range(2):
            await outbox.put("e1", "elm", mail("good"))
            await eventually(lambda: database["outbox"].find_one({"state": "sent", "mail": {"$exists": False}}))
    assert post.sent == ["e1"]


@pytest.mark.parametrize("subject", ["bad", "slow"])
async def test_whatever_a_sender_does_the_others_leave(
    database: Database, monkeypatch: pytest.MonkeyPatch, subject: str
) -> None:
    """An unforeseen error would end the worker each time it came back, and the relay with it."""
    monkeypatch.setattr(module, "_SEND_SECONDS", 0.05)
    post = Post()
    async with running(database, post) as outbox:
        await outbox.put("e1", "elm", mail(subject))
        await outbox.put("e2", "elm", mail("good"))
        await eventually(lambda: database["outbox"].find_one({"_id": "e2", "state": "sent"}))
    first = await database["outbox"].find_one({"_id": "e1"})
    assert first is not None
    assert (first["state"], post.sent) == ("pending", ["e2"])


async def test_what_an_erased_person_is_told_of_in_never_leaves_and_is_not_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    post = Post()
    outbox = Outbox("toy", database, post)
    await outbox.put("failed", "elm", mail("bad"), {"client:elm.1", "client:elm.2"})
    async with running(database, post):
        await eventually(lambda: database["outbox"].find_one({"_id": "failed", "state": "failed"}))
    await outbox.put("waiting", "elm", mail("good"), {"client:elm.1"})
    await outbox.put("of another", "elm", mail("good"), {"client:elm.2"})
    await module.erase(database, "client:elm.1")
    async with running(database, post):
        await eventually(lambda: database["outbox"].find_one({"_id": "of another", "state": "sent"}))
    rows = {row["_id"]: (row["state"], "mail" in row) async for row in database["outbox"].find()}
    assert rows == {"failed": ("erased", False), "waiting": ("erased", False), "of another": ("sent", False)}
    assert post.sent == ["of another"]


async def test_a_mail_that_fails_while_its_person_is_erased_stays_erased(database: Database) -> None:
    """Its sender had the content already, and must not put it back by trying again."""
    outbox = Outbox("toy", database, Failing(database, "client:elm.1"))
    await outbox.put("e1", "elm", mail("good"), {"client:elm.1"})
    async with running(database, Failing(database, "client:elm.1")):
        await eventually(lambda: database["outbox"].find_one({"state": "erased"}))
        await eventually(lambda: database["outbox"].find_one({"attempts": 1}))
    assert await database["outbox"].count_documents({"state": "erased", "mail": {"$exists": False}}) == 1


class Failing:
    """The person is erased at the very moment at which it fails."""

    def __init__(self, db: Database, subject: str) -> None:
        self.db, self.subject = db, subject

    async def send(self, mail: Mail, message_id: str) -> None:
        await module.erase(self.db, self.subject)
        raise OSError("away")


async def test_nobody_else_may_claim_what_is_still_being_sent() -> None:
    assert module._SEND_SECONDS < module._CLAIM_SECONDS


async def test_what_is_due_is_found_by_an_index(database: Database) -> None:
    await ensure_outbox_index(database)
    await ensure_outbox_index(database)
    indexes = await database["outbox"].index_information()
    assert [("state", 1), ("due", 1)] in [index["key"] for index in indexes.values()]
