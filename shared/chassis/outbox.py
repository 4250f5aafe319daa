"""Effects on the world leave from here, each once for the event that caused it (design 14).

A row is written when the effect is decided and marked when it has left; its content is dropped then, or when a person
of whom it tells something is erased. A crash between
leaving and marking sends it again with the same Message-ID, by which mail systems recognise it.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from email.message import EmailMessage
from time import monotonic
from typing import Any, Protocol

import aiosmtplib
import structlog
from pymongo import ReturnDocument

from shared.chassis import clock, metrics, mongo
from shared.chassis.crash_points import Point, passing
from shared.chassis.logs import correlation_id, log_context, told
from shared.chassis.mongo import Database, Document, journaled
from shared.chassis.telemetry import SpanKind, current_traceparent, span_from
from shared.kernel.automation import Mail

ATTEMPTS = 10
_CLAIM_SECONDS = 60
_SEND_SECONDS = 45  # within the claim: nobody else may send it meanwhile
_PAUSE = 1.0
_MEASURE_SECONDS = 5.0
log = structlog.get_logger(__name__)


class MailSender(Protocol):
    """Delivers a mail or raises; told the same `message_id` twice it must not matter."""

    async def send(self, mail: Mail, message_id: str) -> None:
        """Return when the mail is another's to deliver. Whatever it raises, it is tried again later."""
        ...


class SmtpSender:
    """Mail by SMTP to `host:port`; `sender` is the From address."""

    def __init__(self, address: str, sender: str, use_tls: bool = False) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._sender = sender
        self._use_tls = use_tls

    async def send(self, mail: Mail, message_id: str) -> None:
        """Raises aiosmtplib's errors, after 15 s at most."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, mail.to, mail.subject
        message["Message-ID"] = f"<{message_id}@vetwire>"
        message.set_content(mail.text)
        await aiosmtplib.send(message, hostname=self._host, port=self._port, start_tls=self._use_tls, timeout=15)


class Outbox:
    """The effects of one service."""

    def __init__(self, service: str, db: Database, sender: MailSender) -> None:
        self._service = service
        self._rows = journaled(db["outbox"])
        self._sender = sender
        self._new = asyncio.Event()
        self._measured = float("-inf")

    async def put(self, effect_id: str, clinic_id: str, mail: Mail, subjects: Iterable[str] = ()) -> None:
        """Decide on an effect; deciding it again changes nothing. `subjects` are whom it may tell something of."""
        row = {
            "_clinic": clinic_id,
            "_subjects": sorted(subjects),
            "mail": {"to": mail.to, "subject": mail.subject, "text": mail.text},
            "state": "pending",
            "attempts": 0,
            "due": clock.now(),
            "correlation_id": correlation_id(),
            "traceparent": current_traceparent(),
        }
        await self._rows.update_one({"_id": effect_id}, {"$setOnInsert": row}, upsert=True)
        self._new.set()

    async def run(self) -> None:
        """Send what is due until cancelled; several workers may do so at once."""
        while True:
            try:
                self._new.clear()
                while (row := await self._claim()) is not None:
                    await self._deliver(row)
                await self._measure()
            except mongo.INFRASTRUCTURE_ERRORS as error:
                log.warning("outbox waits", service=self._service, error=told(error))
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._new.wait(), _PAUSE)

    async def _measure(self) -> None:
        """Counting reads what it counts: now and then is enough for who looks."""
        if monotonic() - self._measured < _MEASURE_SECONDS:
            return
        for state, metric in (("pending", metrics.OUTBOX_PENDING), ("failed", metrics.OUTBOX_FAILED)):
            metric.labels(self._service).set(await self._rows.count_documents({"state": state}))
        self._measured = monotonic()

    async def _claim(self) -> Document | None:
        now = clock.now()
        due = {"state": "pending", "due": {"$lt": now}}
        update = {"$set": {"due": now + timedelta(seconds=_CLAIM_SECONDS)}, "$inc": {"attempts": 1}}
        found: Document | None = await self._rows.find_one_and_update(
            due, update, sort=[("due", 1)], return_document=ReturnDocument.AFTER
        )
        return found

    async def _deliver(self, row: Document) -> None:
        with log_context(clinic_id=row["_clinic"], correlation_id=row.get("correlation_id")):
            try:
                with span_from(row.get("traceparent"), "send mail", SpanKind.CLIENT, {"vetwire.effect": row["_id"]}):
                    async with asyncio.timeout(_SEND_SECONDS):
                        await self._sender.send(Mail(**row["mail"]), row["_id"])
            except Exception as error:
                # Whatever a sender chokes on is this effect's failure: the others must leave all the same.
                await self._later(row, error)
                return
        passing(Point.AFTER_EFFECT_BEFORE_MARK)
        sent = {"$set": {"state": "sent", "sent_at": clock.now()}, "$unset": {"mail": 1}}
        await self._rows.update_one({"_id": row["_id"]}, sent)

    async def _later(self, row: Document, error: Exception) -> None:
        """Try again after 1, 2, 4 ... seconds; after ten attempts the row stays as failed for an operator."""
        log.warning("effect not sent", effect=row["_id"], attempt=row["attempts"], error=type(error).__name__)
        change: dict[str, Any] = {"due": clock.now() + timedelta(seconds=2 ** row["attempts"] / 2)}
        if row["attempts"] >= ATTEMPTS:
            change = {"state": "failed", "error": type(error).__name__}
        await self._rows.update_one({"_id": row["_id"], "state": "pending"}, {"$set": change})


def content_about(subject: str) -> Document:
    """A query for the effects that still hold something of the person: they wait, or could not be sent."""
    return {"_subjects": subject, "mail": {"$exists": True}}


async def erase(db: Database, subject: str) -> None:
    """Drop the content of the effects that tell something of the person; those that wait then never leave."""
    change = {"$set": {"state": "erased", "erased_at": clock.now()}, "$unset": {"mail": 1}}
    await journaled(db["outbox"]).update_many(content_about(subject), change)


async def ensure_outbox_index(db: Database) -> None:
    """What is due is looked for every second, among all that ever left. Call it before the worker writes."""
    await db["outbox"].create_index([("state", 1), ("due", 1)])
    await db["outbox"].create_index("_subjects")
