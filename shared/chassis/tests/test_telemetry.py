"""W3C Trace Context across HTTP, event and Kafka."""

import pytest
from fastapi import APIRouter, Depends
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from shared.chassis.auth import public
from shared.chassis.telemetry import (
    current_traceparent,
    set_up_tracing,
    shut_down_tracing,
    span_from,
    tracer_provider,
)
from shared.chassis.tests.conftest import MakeClient

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = 0x4BF92F3577B34DA6A3CE929D0E0E4736


@pytest.fixture
def spans() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    set_up_tracing("demo", "test", None, exporter)
    return exporter


def test_outside_any_span_there_is_no_traceparent() -> None:
    assert current_traceparent() is None


def test_a_span_continues_the_trace_it_is_given(spans: InMemorySpanExporter) -> None:
    with span_from(PARENT, "project", projection="cards"):
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
    assert span.attributes == {"http.route": "/api/demo/v1/pets/{pet}", "http.response.status_code": 200}
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
