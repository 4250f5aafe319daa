"""OpenTelemetry set-up and W3C trace context by hand, for event metadata and Kafka headers (design 22)."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.trace import Span, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_W3C = TraceContextTextMapPropagator()
_provider = TracerProvider(shutdown_on_exit=False)


def set_up_tracing(
    service: str, env: str, endpoint: str | None, exporter: SpanExporter | None = None
) -> TracerProvider:
    """Spans go to `endpoint` (OTLP over HTTP, `/v1/traces` is added) or at once to `exporter` (tests); else nowhere.

    The provider is ours rather than OpenTelemetry's global one, which can be set only once in a process.
    """
    global _provider
    provider = TracerProvider(
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


def current_traceparent() -> str | None:
    """The W3C `traceparent` of the current span, None outside any."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def span_from(traceparent: str | None, name: str, **attributes: str | int) -> Iterator[Span]:
    """A span that continues `traceparent`; None or a malformed one starts a new trace. An exception marks it failed.

    The exception's type is recorded, its message is not: it may quote what somebody sent.
    """
    parent = _W3C.extract(
        {"traceparent": traceparent} if traceparent else {}, trace.set_span_in_context(trace.INVALID_SPAN)
    )
    with _provider.get_tracer("vetwire").start_as_current_span(
        name, context=parent, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__qualname__))
            raise
