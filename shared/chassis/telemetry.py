"""OpenTelemetry: one trace from the request over event and Kafka to the view, by hand (design 22).

An event carries the `traceparent` of what made it, unchanged to its last reader, as the messaging conventions ask.
Who handles it adds a span to that trace: one for each event and not for each window, so that a trace is whole under
load too. Where nobody receives spans, or the event's trace is not sampled, none is built.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import orjson
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.events.envelope import StoredEvent
from shared.events.topics import events_topic
from shared.kernel.errors import Refused

__all__ = [
    "SpanKind",
    "begun",
    "continued",
    "current_traceparent",
    "failed",
    "handling",
    "is_tracing",
    "mark",
    "messaging",
    "set_up_tracing",
    "shut_down_tracing",
    "span_from",
    "step",
    "tracer_provider",
]
Attributes = Mapping[str, str | int]
NONE: Attributes = {}
_W3C = TraceContextTextMapPropagator()
_SAMPLED = 0x01
_provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
_is_tracing = False


def set_up_tracing(
    service: str, env: str, endpoint: str | None, exporter: SpanExporter | None = None
) -> TracerProvider:
    """Spans go to `endpoint` (OTLP over HTTP, `/v1/traces` is added) or at once to `exporter` (tests); else nowhere.

    `OTEL_TRACES_SAMPLER` and its `_ARG` say which requests begin a sampled trace (all of them by default). The provider
    is ours rather than OpenTelemetry's global one, which can be set only once in a process.
    """
    global _provider, _is_tracing
    _is_tracing = exporter is not None or endpoint is not None
    provider = TracerProvider(
        sampler=None if _is_tracing else ALWAYS_OFF,
        resource=Resource.create({"service.name": service, "deployment.environment.name": env}),
        shutdown_on_exit=False,
    )
    if exporter is not None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    elif endpoint is not None:
        url = endpoint.rstrip("/") + "/v1/traces"
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url, timeout=5)))
    _provider = provider
    return provider


def shut_down_tracing() -> None:
    """Send what is waiting (a few seconds at most) and stop the exporter's thread."""
    _provider.shutdown()


def tracer_provider() -> TracerProvider:
    """The provider that `set_up_tracing` made last."""
    return _provider


def is_tracing() -> bool:
    """Whether anybody receives spans."""
    return _is_tracing


def begun() -> int:
    """Now, in nanoseconds since 1970, for a `mark` later on; 0 when nobody receives spans, and none is needed."""
    return time.time_ns() if _is_tracing else 0


def current_traceparent() -> str | None:
    """The W3C `traceparent` of the current span, None outside any."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def span_from(
    traceparent: str | None, name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes = NONE
) -> Iterator[Span]:
    """A span that continues `traceparent`; None or a malformed one starts a new trace. An exception marks it failed.

    The exception's type is recorded, its message is not: it may quote what somebody sent. A refusal of the domain is
    no failure.
    """
    with _provider.get_tracer("vetwire").start_as_current_span(
        name,
        context=_parent(traceparent),
        kind=kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Refused as refusal:
            span.set_attribute("vetwire.refused", refusal.code)
            raise
        except Exception as error:
            failed(span, type(error).__qualname__)
            raise


@contextmanager
def step(name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes = NONE) -> Iterator[Span]:
    """A part of what the current span stands for; nothing where there is none, or it is not recorded."""
    if not trace.get_current_span().is_recording():
        yield trace.INVALID_SPAN
        return
    with span_from(current_traceparent(), name, kind, attributes) as span:
        yield span


@contextmanager
def continued(event: StoredEvent, name: str, attributes: Attributes) -> Iterator[Span]:
    """Around the handling of one event (kind: consumer), in the trace of what made it."""
    if not _is_tracing:
        yield trace.INVALID_SPAN
        return
    with span_from(_traceparent_of(event), name, SpanKind.CONSUMER, attributes) as span:
        yield span


def mark(
    event: StoredEvent, name: str, kind: SpanKind, since: int, attributes: Attributes, error: str | None = None
) -> None:
    """A span in the event's trace from `since` (nanoseconds, as `begun` told it) until now, if that trace is sampled.

    `error` says in a word that quotes nobody what went wrong.
    """
    traceparent = _traceparent_of(event) if since else None
    if traceparent is None or not _is_sampled(traceparent):
        return
    tracer = _provider.get_tracer("vetwire")
    span = tracer.start_span(name, _parent(traceparent), kind, attributes, start_time=since)
    failed(span, error)
    span.end()


def failed(span: Span, error: str | None) -> None:
    """Mark the span so, unless `error` is None: what went wrong in a word that quotes nobody."""
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(Status(StatusCode.ERROR, error))


def messaging(operation: str, event: StoredEvent) -> dict[str, str | int]:
    """The attributes of OpenTelemetry's messaging conventions for `send` or `process` of an event."""
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": _topic(event),
        "messaging.message.id": str(event.id),
        "vetwire.stream": event.stream,
        "vetwire.event_type": event.type,
    }


def handling(event: StoredEvent, group: str, handler: str) -> tuple[str, dict[str, str | int]]:
    """Name and attributes of the span in which `handler` of the consumer group handles an event."""
    more = {"messaging.consumer.group.name": group, "vetwire.handler": handler}
    return f"process {_topic(event)}", {**messaging("process", event), **more}


def _topic(event: StoredEvent) -> str:
    return events_topic(event.type.partition(".")[0])


def _parent(traceparent: str | None) -> Context:
    carrier = {"traceparent": traceparent} if traceparent else {}
    return _W3C.extract(carrier, trace.set_span_in_context(trace.INVALID_SPAN))


def _is_sampled(traceparent: str) -> bool:
    try:
        return bool(int(traceparent[-2:], 16) & _SAMPLED)
    except ValueError:
        return False


def _traceparent_of(event: StoredEvent) -> str | None:
    if b'"traceparent"' not in event.metadata:
        return None
    found: str | None = orjson.loads(event.metadata).get("traceparent")
    return found
