"""The whole configuration: listeners, the services behind them, the admin door and the overload limits."""

from deploy.envoy.edge import HTTP_MANAGER, edge_listener, socket
from deploy.envoy.gateway import Address, Gateway, Json, seconds, typed

MIB = 1024 * 1024


def bootstrap(gateway: Gateway) -> Json:
    """Envoy's bootstrap as plain data. Equal input gives equal output."""
    extra = {"mailbox": gateway.mailbox} if gateway.mailbox else {}
    upstreams = {**gateway.services, **extra}
    clusters = [_cluster(name, address) for name, address in sorted(upstreams.items())]
    listeners = [edge_listener(gateway)]
    if gateway.metrics is not None:
        listeners.append(_metrics_listener(gateway.metrics))
        clusters.append(_cluster("admin", gateway.admin))
    return {
        "node": {"id": "gateway", "cluster": "vetwire"},
        "admin": {"address": socket(gateway.admin)},
        "static_resources": {"listeners": listeners, "clusters": clusters},
        "overload_manager": _overload(),
    }


def _cluster(name: str, address: Address) -> Json:
    endpoint = {"endpoint": {"address": socket(address)}}
    return {
        "name": name,
        "type": "STATIC" if address.is_ip else "STRICT_DNS",
        "connect_timeout": seconds(1),
        "dns_lookup_family": "V4_PREFERRED",
        "per_connection_buffer_limit_bytes": 64 * 1024,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "circuit_breakers": {"thresholds": [_breaker()]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": _upstream_protocol()
        },
    }


def _breaker() -> Json:
    """Wide enough for thousands of open live feeds (each is one connection), narrow enough to bound memory."""
    return {"max_connections": 4096, "max_pending_requests": 1024, "max_requests": 4096, "max_retries": 64}


def _upstream_protocol() -> Json:
    return typed(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config={"http_protocol_options": {}},
        # Below uvicorn's 5 s: the side that sends must be the first to let go of an idle connection.
        common_http_protocol_options={"idle_timeout": seconds(4)},
    )


def _metrics_listener(address: Address) -> Json:
    """The counters for a scraper on the inner network; everything else of the admin door stays shut."""
    counters = {"match": {"path": "/stats/prometheus"}, "route": {"cluster": "admin"}}
    host = {"name": "metrics", "domains": ["*"], "routes": [counters]}
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": typed("envoy.extensions.filters.http.router.v3.Router"),
    }
    manager = typed(
        HTTP_MANAGER,
        stat_prefix="metrics",
        http_filters=[router],
        route_config={"name": "metrics", "virtual_hosts": [host]},
    )
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": "metrics", "address": socket(address), "filter_chains": [{"filters": filters}]}


def _overload() -> Json:
    """Shed load before the kernel kills the process: idle memory goes first, then new requests."""
    heap = typed("envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig", max_heap_size_bytes=512 * MIB)
    connections = typed(
        "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections=20_000,
    )
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            {"name": "envoy.resource_monitors.fixed_heap", "typed_config": heap},
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": connections,
            },
        ],
        "actions": [
            _when_heap("envoy.overload_actions.shrink_heap", 0.90),
            _when_heap("envoy.overload_actions.stop_accepting_requests", 0.97),
        ],
    }


def _when_heap(action: str, share: float) -> Json:
    trigger = {"name": "envoy.resource_monitors.fixed_heap", "threshold": {"value": share}}
    return {"name": action, "triggers": [trigger]}
