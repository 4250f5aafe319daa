"""A mail server that delivers to a folder: every mail becomes DIR/<id>.eml and can be read over HTTP.

GET /messages           JSON list, newest first: id, from, to, subject, date
GET /messages/<id>      one mail with its text
GET /messages/<id>.eml  the mail as it was received
The same under /mailbox/messages, as the gateway passes it on.
"""

import argparse
import asyncio
import itertools
import json
import signal
import time
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

LARGEST_MAIL = 10 * 1024 * 1024
LARGEST_REQUEST = 16 * 1024
REQUEST_WITHIN = 10.0
ACCEPTED = "250 Message accepted for delivery"


class Mailbox:
    """A folder of mails, named so that their names sort by the time of arrival."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sequence = itertools.count()
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd)
        self.keep(envelope.mail_from or "", envelope.rcpt_tos, envelope.original_content or b"")
        return ACCEPTED

    def keep(self, sender: str, recipients: list[str], content: bytes) -> str:
        """Store one mail, in one step, and return its id."""
        name = f"{time.time_ns():019d}-{next(self._sequence) % 1000:03d}"
        envelope = f"X-Envelope-From: {sender}\r\nX-Envelope-To: {', '.join(recipients)}\r\n".encode()
        draft = self._folder / f".{name}"
        draft.write_bytes(envelope + content)
        draft.replace(self._folder / f"{name}.eml")
        return name

    def names(self) -> list[str]:
        return sorted((path.stem for path in self._folder.glob("*.eml")), reverse=True)

    def raw(self, name: str) -> bytes | None:
        return (self._folder / f"{name}.eml").read_bytes() if name in self.names() else None

    def summaries(self) -> list[dict[str, Any]]:
        return [_summary(name, _parsed(self.raw(name) or b"")) for name in self.names()]

    def message(self, name: str) -> dict[str, Any] | None:
        raw = self.raw(name)
        if raw is None:
            return None
        mail = _parsed(raw)
        return {**_summary(name, mail), "text": _body(mail, "plain"), "html": _body(mail, "html")}


def _parsed(raw: bytes) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(raw)


def _summary(name: str, mail: EmailMessage) -> dict[str, Any]:
    """`to` is whom it was delivered to, which the header need not tell."""
    recipients = [each.strip() for each in str(mail["X-Envelope-To"] or "").split(",")]
    headers = {"from": mail["From"], "subject": mail["Subject"], "date": mail["Date"]}
    return {"id": name, "to": recipients, **{key: str(value or "") for key, value in headers.items()}}


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return part.get_content() if part is not None else ""


class Pages:
    """The few pages, as a plain asyncio server: one request per connection."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_WITHIN):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self.answer(head.split(b"\r\n", 1)[0].decode("latin-1")))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked is gone, was too slow or sent too much
        finally:
            writer.close()

    def answer(self, request_line: str) -> bytes:
        method, _, rest = request_line.partition(" ")
        if method != "GET":
            return _reply(HTTPStatus.METHOD_NOT_ALLOWED, b"", "text/plain")
        path = rest.split(" ")[0].split("?")[0].removeprefix("/mailbox").strip("/")
        if path in ("", "messages"):
            return _json(self._mailbox.summaries())
        return self._one(path.removeprefix("messages/"))

    def _one(self, name: str) -> bytes:
        if name.endswith(".eml"):
            raw = self._mailbox.raw(name.removesuffix(".eml"))
            return _reply(HTTPStatus.OK, raw, "message/rfc822") if raw is not None else _nothing()
        found = self._mailbox.message(name)
        return _json(found) if found is not None else _nothing()


def _json(content: object) -> bytes:
    return _reply(HTTPStatus.OK, json.dumps(content, indent=2).encode() + b"\n", "application/json")


def _nothing() -> bytes:
    return _reply(HTTPStatus.NOT_FOUND, b"no such mail\n", "text/plain")


def _reply(status: HTTPStatus, body: bytes, kind: str) -> bytes:
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Cache-Control: no-store\r\nConnection: close\r\n\r\n".encode() + body


async def run(host: str, smtp_port: int, http_port: int, folder: Path) -> None:
    """Serve both doors until SIGTERM or Ctrl-C."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    mailbox = Mailbox(folder)
    smtp = await loop.create_server(lambda: _smtp(mailbox), host, smtp_port)
    pages = await asyncio.start_server(Pages(mailbox).serve, host, http_port, limit=LARGEST_REQUEST)
    await stop.wait()
    smtp.close()
    pages.close()


def _smtp(mailbox: Mailbox) -> SMTP:
    return SMTP(mailbox, data_size_limit=LARGEST_MAIL, enable_SMTPUTF8=True, hostname="mailbox")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    asyncio.run(run(options.host, options.smtp_port, options.http_port, options.data))


if __name__ == "__main__":
    main()
