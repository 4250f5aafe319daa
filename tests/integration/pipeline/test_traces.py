"""One trace from a request to the document that shows it and the mail that tells of it (design 22)."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shared.chassis.telemetry import set_up_tracing
from tests.integration.pipeline.conftest import Toy, eventually
from tests.integration.pipeline.guestbook import SERVICE, Guestbook, guestbook

pytestmark = [pytest.mark.anyio, pytest.mark.servers]
ROUTE = "/api/guestbook/v1/clinics/{clinic_id}/entries"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    set_up_tracing(SERVICE, "test", None, exporter)
    yield exporter
    set_up_tracing(SERVICE, "test", None)


@pytest.fixture
async def book(service: Toy, exporter: InMemorySpanExporter) -> AsyncIterator[Guestbook]:
    async with guestbook() as book:
        yield book


def attributes_of(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


class Trace:
    """The spans of one trace that have ended by now."""

    def __init__(self, exporter: InMemorySpanExporter, trace_id: int) -> None:
        self._exporter = exporter
        self._id = trace_id

    def spans(self) -> list[ReadableSpan]:
        return [s for s in self._exporter.get_finished_spans() if s.context and s.context.trace_id == self._id]

    def names(self) -> list[str]:
        return sorted(span.name for span in self.spans())

    def path(self, span: ReadableSpan) -> list[str]:
        """The names from the request down to the span."""
        by_id = {each.context.span_id: each for each in self.spans() if each.context}
        above = by_id.get(span.parent.span_id) if span.parent else None
        return [*(self.path(above) if above else []), span.name]

    def one(self, name: str, **wanted: object) -> ReadableSpan:
        [found] = [span for span in self.spans() if span.name == name and attributes_of(span).items() >= wanted.items()]
        return found


async def signed(book: Guestbook, text: str, flags: str = "01") -> int:
    """Sign under a trace of the caller's own, and let everything follow; the trace's id."""
    trace_id, clinic = uuid4().int, f"c{uuid4().hex[:8]}"
    headers = {"traceparent": f"00-{trace_id:032x}-00f067aa0ba902b7-{flags}"}
    answer = await book.sign(clinic, uuid4().hex, headers, guest="Zoe", mail="zoe@example.org", text=text)
    assert answer.status_code == 201

    async def seen() -> bool:
        await book.follow()
        return await book.running.db["outbox"].count_documents({"_clinic": clinic, "state": "sent"}) == 1

    if text == "hello":
        await eventually(seen)
    return trace_id


async def test_one_trace_leads_from_the_request_to_the_document_and_the_mail(
    book: Guestbook, exporter: InMemorySpanExporter
) -> None:
    trace = Trace(exporter, await signed(book, "hello"))

    async def whole() -> bool:
        return trace.names().count("send guestbook.events") == 2

    await eventually(whole)
    request, automation = f"POST {ROUTE}", "process guestbook.events"
    paths = sorted(trace.path(span) for span in trace.spans())
    assert paths == sorted(
        [
            [request],
            [request, "handle Sign"],
            [request, "handle Sign", "append entry"],
            [request, "send guestbook.events"],
            [request, "process guestbook.events"],  # the view
            [request, automation],
            [request, automation, "handle str"],
            [request, automation, "handle str", "append thanks"],
            [request, automation, "send guestbook.events"],
            [request, automation, "send mail"],
        ]
    )
    kinds = {span.name: span.kind for span in trace.spans()}
    assert (kinds[request], kinds["append entry"]) == (SpanKind.SERVER, SpanKind.CLIENT)
    assert kinds["send guestbook.events"] is SpanKind.PRODUCER
    assert kinds["process guestbook.events"] is SpanKind.CONSUMER
    assert [span.status.status_code for span in trace.spans() if span.status.status_code is StatusCode.ERROR] == []


async def test_its_spans_say_what_the_conventions_ask(book: Guestbook, exporter: InMemorySpanExporter) -> None:
    trace = Trace(exporter, await signed(book, "hello"))

    async def published() -> bool:
        return "send guestbook.events" in trace.names()

    await eventually(published)
    request = attributes_of(trace.one(f"POST {ROUTE}"))
    assert request == {
        "http.request.method": "POST", "url.scheme": "http", "http.route": ROUTE, "http.response.status_code": 201,
    }  # fmt: skip
    append = attributes_of(trace.one("append entry"))
    assert (append["db.system.name"], append["db.operation.name"]) == ("eventstoredb", "append")
    view = attributes_of(trace.one("process guestbook.events", **{"vetwire.handler": "pages"}))
    assert view.pop("messaging.message.id")
    assert str(view.pop("vetwire.stream")).startswith("entry-")
    assert view == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "guestbook.events",
        "messaging.consumer.group.name": "guestbook",
        "vetwire.event_type": "guestbook.Signed.v1",
        "vetwire.handler": "pages",
    }
    sent = attributes_of(trace.one("send guestbook.events", **{"vetwire.event_type": "guestbook.Signed.v1"}))
    assert sent.keys() >= {"messaging.destination.partition.id", "messaging.kafka.offset"}
    assert not any("zoe" in str(span.attributes).lower() for span in exporter.get_finished_spans())


async def test_an_event_that_is_parked_is_an_error_in_its_trace(
    book: Guestbook, exporter: InMemorySpanExporter
) -> None:
    trace = Trace(exporter, await signed(book, "break the view"))

    async def parked() -> bool:
        await book.follow()
        return "park" in trace.names()

    await eventually(parked)
    park = trace.one("park")
    assert park.status.status_code is StatusCode.ERROR
    assert attributes_of(park)["vetwire.handler"] == "pages"
    assert str(attributes_of(park)["error.type"]).startswith("ArithmeticError in _evolve")


async def test_of_a_trace_that_is_not_sampled_nothing_is_told(book: Guestbook, exporter: InMemorySpanExporter) -> None:
    assert Trace(exporter, await signed(book, "hello", flags="00")).spans() == []
