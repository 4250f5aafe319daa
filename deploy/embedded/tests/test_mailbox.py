"""The local mail sink, over its real doors."""

import asyncio
import json
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from deploy.embedded.mailbox import Mailbox, Pages, _smtp

pytestmark = pytest.mark.anyio


class Doors:
    def __init__(self, smtp: int, http: int) -> None:
        self.smtp, self.http = smtp, http

    async def send(self, subject: str, text: str = "Bella is ready.", to: str = "ann@example.com") -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "clinic@example.com", to, subject
        mail.set_content(text)
        await aiosmtplib.send(mail, hostname="127.0.0.1", port=self.smtp, start_tls=False)

    async def get(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http)
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return int(head.split(b" ")[1]), body

    async def json(self, path: str) -> Any:
        return json.loads((await self.get(path))[1])


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    mailbox = Mailbox(tmp_path)
    smtp = await asyncio.get_running_loop().create_server(lambda: _smtp(mailbox), "127.0.0.1", 0)
    pages = await asyncio.start_server(Pages(mailbox).serve, "127.0.0.1", 0)
    async with smtp, pages:
        yield Doors(smtp.sockets[0].getsockname()[1], pages.sockets[0].getsockname()[1])


async def test_a_mail_is_listed_and_can_be_read(doors: Doors) -> None:
    await doors.send("Your appointment", "Tuesday, 9:30 – see you")
    [listed] = await doors.json("/messages")
    assert (listed["to"], listed["subject"]) == (["ann@example.com"], "Your appointment")
    read = await doors.json(f"/messages/{listed['id']}")
    assert read["text"].strip() == "Tuesday, 9:30 – see you"


async def test_the_newest_mail_comes_first(doors: Doors) -> None:
    for subject in ("first", "second", "third"):
        await doors.send(subject)
    assert [each["subject"] for each in await doors.json("/messages")] == ["third", "second", "first"]


async def test_mails_survive_a_restart_as_files(doors: Doors, tmp_path: Path) -> None:
    await doors.send("kept")
    [name] = Mailbox(tmp_path).names()
    assert b"Subject: kept" in (tmp_path / f"{name}.eml").read_bytes()


async def test_a_mail_as_received_and_the_gateways_prefix(doors: Doors) -> None:
    await doors.send("raw")
    [listed] = await doors.json("/mailbox/messages")
    status, raw = await doors.get(f"/mailbox/messages/{listed['id']}.eml")
    assert (status, b"Subject: raw" in raw) == (200, True)


@pytest.mark.parametrize("path", ["/messages/none", "/messages/../../etc/passwd", "/messages/none.eml", "/other"])
async def test_what_is_not_there_is_404(doors: Doors, path: str) -> None:
    assert (await doors.get(path))[0] == 404


async def test_only_reading_is_allowed(doors: Doors) -> None:
    assert (await doors.get("/messages", "DELETE"))[0] == 405
