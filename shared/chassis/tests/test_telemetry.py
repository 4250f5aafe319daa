"""W3C Trace Context across HTTP, event and Kafka."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from fastapi import APIRouter, Depends
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shared.chassis.auth import public
from shared.chassis.telemetry import (
    begun,
    continued,
    current_traceparent,
    handling,
    is_tracing,
    mark,
    set_up_tracing,
    shut_down_tracing,
    span_from,
    step,
    tracer_provider,
)
from shared.chassis.tests.conftest import MakeClient
from shared.events.envelope import StoredEvent
from shared.kernel.errors import Refused

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = 0x4BF92F3577B34DA6A3CE929D0E0E4736


@pytest.fixture(autouse=True)
def _nobody_receives_spans_afterwards() -> Iterator[None]:
    yield
    set_up_tracing("demo", "test", None)


@pytest.fixture
def spans() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    set_up_tracing("demo", "test", None, exporter)
    return exporter


def test_outside_any_span_there_is_no_traceparent() -> None:
    assert current_traceparent() is None


def test_a_span_continues_the_trace_it_is_given(spans: InMemorySpanExporter) -> None:
    with span_from(PARENT, "project", attributes={"projection": "cards"}):
        inside = current_traceparent()
    (span,) = spans.get_finished_spans()
    assert parent(span) == (TRACE, 0x00F067AA0BA902B7)
    assert inside == f"00-{TRACE:032x}-{own(span)[1]:016x}-01"
    assert span.attributes == {"projection": "cards"}
    assert span.resource.attributes["service.name"] == "demo"


def test_a_trace_goes_through_stored_metadata(spans: InMemorySpanExporter) -> None:
    with span_from(None, "request"):
        stored = current_traceparent()
    with span_from(stored, "publish"):
        header = current_traceparent()
    with span_from(header, "project"):
        pass
    request, publish, project = spans.get_finished_spans()
    assert own(request)[0] == own(publish)[0] == own(project)[0]
    assert parent(publish) == own(request)
    assert parent(project) == own(publish)


def own(span: ReadableSpan) -> tuple[int, int]:
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


def parent(span: ReadableSpan) -> tuple[int, int]:
    assert span.parent is not None
    return span.parent.trace_id, span.parent.span_id


@pytest.mark.parametrize("traceparent", [None, "", "rubbish", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", PARENT[:-5]])
def test_a_malformed_parent_starts_a_new_trace(spans: InMemorySpanExporter, traceparent: str | None) -> None:
    with span_from(PARENT, "outer"), span_from(traceparent, "inner"):
        pass
    inner = spans.get_finished_spans()[0]
    assert inner.parent is None
    assert inner.context is not None
    assert inner.context.trace_id not in {0, TRACE}


def test_a_failure_is_marked_by_type_without_its_message(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="Rex"), span_from(None, "project"):
        raise ValueError("Rex")
    (span,) = spans.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError")
    assert span.events == ()


def test_a_refusal_is_no_failure(spans: InMemorySpanExporter) -> None:
    with pytest.raises(Refused), span_from(None, "handle"):
        raise Refused("slot-in-the-past")
    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes == {"vetwire.refused": "slot-in-the-past"}


def event(traceparent: str | None) -> StoredEvent:
    metadata = b"{}" if traceparent is None else b'{"traceparent":"%s"}' % traceparent.encode()
    return StoredEvent(UUID(int=7), "toy.Counted.v1", "tally-elm.1", 3, 4, b"{}", metadata)


def test_what_was_done_with_an_event_is_a_span_of_the_events_trace(spans: InMemorySpanExporter) -> None:
    since = begun()
    name, attributes = handling(event(PARENT), "toy", "tallies")
    mark(event(PARENT), name, SpanKind.CONSUMER, since, attributes)
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind, span.start_time, parent(span)[0]) == (
        "process toy.events", SpanKind.CONSUMER, since, TRACE,
    )  # fmt: skip
    assert span.attributes == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "toy.events",
        "messaging.message.id": str(UUID(int=7)),
        "messaging.consumer.group.name": "toy",
        "vetwire.stream": "tally-elm.1",
        "vetwire.event_type": "toy.Counted.v1",
        "vetwire.handler": "tallies",
    }


@pytest.mark.parametrize("traceparent", [None, "", "rubbish", PARENT[:-2] + "00"])
def test_an_event_whose_trace_is_not_sampled_makes_no_span(
    spans: InMemorySpanExporter, traceparent: str | None
) -> None:
    mark(event(traceparent), "process", SpanKind.CONSUMER, begun(), {})
    assert spans.get_finished_spans() == ()


def test_where_nobody_receives_spans_none_is_built() -> None:
    provider = set_up_tracing("demo", "test", None)
    seen: list[object] = []
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    assert (is_tracing(), begun()) == (False, 0)
    with span_from(PARENT, "request") as request, step("part") as part, continued(event(PARENT), "x", {}) as handled:
        seen += [request.is_recording(), part.is_recording(), handled.is_recording()]
        assert current_traceparent() == f"00-{TRACE:032x}-{request.get_span_context().span_id:016x}-00"
    assert seen == [False, False, False]


def test_a_part_belongs_to_what_is_traced_now(spans: InMemorySpanExporter) -> None:
    with step("alone"):
        pass
    with span_from(None, "request"), step("part"):
        pass
    part, request = spans.get_finished_spans()
    assert (part.name, parent(part)) == ("part", own(request))


def test_a_request_is_a_span_with_its_route_and_without_its_query(
    spans: InMemorySpanExporter, make_client: MakeClient
) -> None:
    router = APIRouter(dependencies=[Depends(public)])
    seen: list[str | None] = []

    @router.get("/pets/{pet}")
    async def pet(pet: str) -> None:
        seen.append(current_traceparent())

    make_client(router).get("/api/demo/v1/pets/Rex?owner=Ann", headers={"traceparent": PARENT})
    (span,) = spans.get_finished_spans()
    assert span.context is not None
    assert span.name == "GET /api/demo/v1/pets/{pet}"
    assert span.context.trace_id == TRACE
    assert span.kind is SpanKind.SERVER
    assert span.attributes == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "http.route": "/api/demo/v1/pets/{pet}",
        "http.response.status_code": 200,
    }
    assert seen == [f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"]


def test_spans_are_sent_to_the_collector_when_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def exporter(url: str, timeout: float) -> SpanExporter:
        made.append(url)
        return ConsoleSpanExporter()

    monkeypatch.setattr("shared.chassis.telemetry.OTLPSpanExporter", exporter)
    provider = set_up_tracing("demo", "test", "http://collector:4318/")
    assert made == ["http://collector:4318/v1/traces"]
    assert tracer_provider() is provider
    shut_down_tracing()
