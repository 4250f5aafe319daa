"""Prometheus metrics of every process; the names are an interface of dashboards and alerts."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_REQUESTS = Counter("vetwire_http_requests_total", "Requests answered", ["service", "method", "route", "status"])
HTTP_SECONDS = Histogram(
    "vetwire_http_request_seconds",
    "From the first byte of a request to the last byte of its answer",
    ["service", "method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
LIVE_STREAMS = Gauge("vetwire_live_streams", "Open SSE streams", ["service"])

PROJECTION_LAG_EVENTS = Gauge("vetwire_projection_lag_events", "Records not yet folded", ["service", "projection"])
PROJECTION_LAG_SECONDS = Gauge(
    "vetwire_projection_lag_seconds", "Age of the newest folded event", ["service", "projection"]
)
WORKER_LAG_EVENTS = Gauge(
    "vetwire_worker_lag_events", "Records of a partition not yet handled", ["service", "topic", "partition"]
)
WORKER_LAG_SECONDS = Gauge(
    "vetwire_worker_lag_seconds", "How long a partition's oldest record waits", ["service", "topic", "partition"]
)
PROJECTION_EVENTS = Counter("vetwire_projection_events_total", "Events folded", ["service", "projection"])
PARKED_EVENTS = Gauge("vetwire_parked_events", "Events parked by a handler's failure", ["service", "projection"])

RELAY_LEADING = Gauge("vetwire_relay_leading", "1 if this process relays, 0 if it stands by", ["service"])
RELAY_LAG_EVENTS = Gauge("vetwire_relay_lag_events", "Events read from the store and not yet published", ["service"])
RELAY_LAG_SECONDS = Gauge("vetwire_relay_lag_seconds", "Age of the oldest event not yet published", ["service"])
RELAY_POSITION = Gauge("vetwire_relay_position", "Commit position up to which all is published", ["service"])
RELAY_HEAD = Gauge("vetwire_relay_head", "Commit position of the newest event of the service", ["service"])
RELAY_PUBLISHED = Counter("vetwire_relay_published_total", "Events acknowledged by the broker", ["service"])
RELAY_PASSED_OVER = Counter(
    "vetwire_relay_passed_over_total", "Events that no record of the topic could hold", ["service"]
)
OUTBOX_PENDING = Gauge("vetwire_outbox_pending", "Effects waiting to leave", ["service"])
OUTBOX_FAILED = Gauge("vetwire_outbox_failed", "Effects given up after ten attempts", ["service"])
