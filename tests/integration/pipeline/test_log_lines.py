"""What API and worker write into their logs, also when something breaks: ids, and nobody's data (ASVS 16.2)."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest

from shared.chassis.logs import set_up_logging, without_set_up
from tests.integration.pipeline.conftest import Toy, eventually
from tests.integration.pipeline.guestbook import SERVICE, Guestbook, guestbook

pytestmark = [pytest.mark.anyio, pytest.mark.servers]
GUEST, MAIL, SECRET = "Zoe Quibble", "zoe.quibble@example.org", "my safe opens with 771205"
PERSONAL = ("Zoe", "Quibble", "quibble", "771205", "Twice", "Bearer", "eyJ")
BREAKING = ("break the view", "break the automation", "break the mail", "break the command")


class Lines(io.StringIO):
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def of(self, *events: str, **having: str) -> list[dict[str, Any]]:
        return [line for line in self.all() if line["event"] in events and line.items() >= having.items()]


@pytest.fixture(params=["development", "production"])
def lines(request: pytest.FixtureRequest) -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    lines = Lines()
    set_up_logging(SERVICE, request.param, "DEBUG", lines)
    yield lines
    without_set_up()
    root.handlers[:] = handlers
    root.setLevel(level)
    for ours in ("shared", "ops", SERVICE):
        logging.getLogger(ours).setLevel(logging.NOTSET)


@pytest.fixture
async def book(service: Toy, lines: Lines) -> AsyncIterator[Guestbook]:
    async with guestbook() as book:
        yield book


async def everything_that_can_happen(book: Guestbook, clinic: str) -> list[int]:
    """Good and refused, not understood, broken in each place, a stranger; the answers' status codes."""
    told = [await book.sign(clinic, uuid4().hex, guest="Nobody Twice", mail=MAIL, text=SECRET) for _ in range(2)]
    for text in (SECRET, *BREAKING):
        told.append(await book.sign(clinic, uuid4().hex, guest=GUEST, mail=MAIL, text=text))
    told.append(await book.sign(clinic, uuid4().hex, guest=GUEST, mail="Quibble", text=SECRET, Zoe=SECRET))
    told.append(await book.sign(clinic, uuid4().hex, {"Authorization": "Bearer eyJZoe.Quibble.771205"}, guest=GUEST))
    told.append(await book.sign("other-clinic.7", uuid4().hex, guest=GUEST, mail=MAIL, text=SECRET))
    return [answer.status_code for answer in told]


async def test_no_line_holds_anybodys_data_whatever_breaks(book: Guestbook, lines: Lines) -> None:
    clinic = f"c{uuid4().hex[:8]}"
    assert await everything_that_can_happen(book, clinic) == [201, 409, 201, 201, 201, 201, 500, 422, 401, 404]

    async def followed() -> bool:
        await book.follow()
        waits = {"_clinic": clinic, "attempts": {"$gt": 0}, "state": "pending"}
        return await book.running.db["outbox"].count_documents(waits) == 1 and len(lines.of("parked")) >= 2

    await eventually(followed)
    written = lines.getvalue()
    assert [part for part in PERSONAL if part in written] == []
    events = {line["event"] for line in lines.all()}
    assert events >= {
        "unexpected-error", "token-refused", "clinic-refused", "handler failed", "automation failed", "parked",
        "effect not sent",
    }  # fmt: skip


async def test_every_line_about_a_command_or_its_events_leads_back_to_the_request(
    book: Guestbook, lines: Lines
) -> None:
    clinic = f"c{uuid4().hex[:8]}"
    for text in BREAKING:
        headers = {"X-Request-Id": text.replace(" ", "-")}
        await book.sign(clinic, uuid4().hex, headers, guest=GUEST, mail=MAIL, text=text)

    wanted = {
        "unexpected-error": "break-the-command",
        "handler failed": "break-the-view",
        "automation failed": "break-the-automation",
        "effect not sent": "break-the-mail",
    }

    async def broken() -> bool:
        await book.follow()
        return all(lines.of(event, clinic_id=clinic) for event in wanted)

    await eventually(broken)
    for event, correlation_id in wanted.items():
        line = lines.of(event, clinic_id=clinic)[-1]
        assert line["correlation_id"] == correlation_id, event
        assert event == "effect not sent" or line["command_id"]
    for line in lines.of("parked", "handler failed", "automation failed"):
        assert {"event_id", "stream", "correlation_id"} <= line.keys()
