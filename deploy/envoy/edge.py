"""The listener that the world reaches: protocol limits, the filter chain in its order, and the access log."""

from deploy.envoy.gateway import Address, Gateway, Json, Tls, seconds, typed
from deploy.envoy.rates import per_address
from deploy.envoy.replies import SECURITY_HEADERS, local_reply_config
from deploy.envoy.routing import BODY, CORS, JWT, RATE, route_config
from deploy.envoy.tokens import token_check

HTTP_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

# Only this gateway may say who the caller is (ASVS 4.1.3).
STRIPPED_PREFIXES = ("x-vetwire-", "x-user", "x-envoy-", "x-auth-", "x-jwt-")
STRIPPED_NAMES = (
    "x-tenant",
    "x-tenant-id",
    "x-sub",
    "x-role",
    "x-real-ip",
    "x-client-ip",
    "x-original-url",
    "x-rewrite-url",
    "x-http-method-override",
    "x-forwarded-client-cert",
    "x-forwarded-host",
    "x-request-id",
    "forwarded",
    "proxy",
)

# No path, no query, no address, no agent: a path may name a client. The service logs its part under the same id.
ACCESS_LOG = {
    "time": "%START_TIME%",
    "event": "http-access",
    "method": "%REQUEST_HEADER(:METHOD)%",
    "route": "%ROUTE_NAME%",
    "status": "%RESPONSE_CODE%",
    "why": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "bytes_in": "%BYTES_RECEIVED%",
    "bytes_out": "%BYTES_SENT%",
    "milliseconds": "%DURATION%",
    "upstream": "%UPSTREAM_CLUSTER%",
    "request_id": "%REQUEST_HEADER(X-REQUEST-ID)%",
    "traceparent": "%REQUEST_HEADER(TRACEPARENT)%",
}


def edge_listener(gateway: Gateway) -> Json:
    """The public door, with TLS where a certificate is given."""
    chain: Json = {"filters": [_filter("envoy.filters.network.http_connection_manager", _manager(gateway))]}
    if gateway.tls is not None:
        chain["transport_socket"] = _tls(gateway.tls)
    return {
        "name": "edge",
        "address": socket(gateway.listen),
        # Bounds what one connection may hold in memory; uploads are slowed down, not stored.
        "per_connection_buffer_limit_bytes": 64 * 1024,
        "filter_chains": [chain],
    }


def socket(address: Address) -> Json:
    """An address as Envoy writes it."""
    return {"socket_address": {"address": address.host, "port_value": address.port}}


def _manager(gateway: Gateway) -> Json:
    return typed(
        HTTP_MANAGER,
        stat_prefix="edge",
        http_filters=_filters(gateway),
        route_config=route_config(gateway),
        local_reply_config=local_reply_config(),
        access_log=[_access_log()],
        **_protocol_limits(),
        **_trust(gateway),
    )


def _protocol_limits() -> Json:
    return {
        "common_http_protocol_options": {
            "idle_timeout": seconds(300),
            "max_headers_count": 64,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65_536,
            "initial_connection_window_size": 1_048_576,
        },
        "max_request_headers_kb": 16,
        "request_headers_timeout": seconds(10),
        "stream_idle_timeout": seconds(30),
        "delayed_close_timeout": seconds(1),
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
    }


def _trust(gateway: Gateway) -> Json:
    """Nothing that a client says about itself is believed, and the gateway's own make is not told."""
    return {
        "early_header_mutation_extensions": [_filter("vetwire.strip", _strip())],
        "use_remote_address": True,
        "xff_num_trusted_hops": gateway.trusted_hops,
        "internal_address_config": {"unix_sockets": False},
        "forward_client_cert_details": "SANITIZE",
        "generate_request_id": True,
        "always_set_request_id_in_response": True,
        "server_header_transformation": "PASS_THROUGH",
        "strip_any_host_port": False,
    }


def _filters(gateway: Gateway) -> list[Json]:
    return [
        _filter("envoy.filters.http.header_mutation", _secure()),
        _filter(CORS, typed("envoy.extensions.filters.http.cors.v3.Cors")),
        _filter("vetwire.rate.address", per_address(gateway.rate_factor)),
        _filter(JWT, token_check(gateway)),
        _filter(RATE, _inactive_rate()),
        _filter(BODY, typed("envoy.extensions.filters.http.buffer.v3.Buffer", max_request_bytes=1_048_576)),
        _filter(
            "envoy.filters.http.router",
            typed("envoy.extensions.filters.http.router.v3.Router", suppress_envoy_headers=True),
        ),
    ]


def _inactive_rate() -> Json:
    """The place in the chain of the limits that each route brings."""
    return typed("envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", stat_prefix="rate_route")


def _strip() -> Json:
    """Before anything else looks at the request: what a client may not say is gone, its request id included."""
    prefixes = [{"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in STRIPPED_PREFIXES]
    names = [{"remove": name} for name in STRIPPED_NAMES]
    return typed(
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=[*prefixes, *names],
    )


def _secure() -> Json:
    """First in the chain, so that it is the last to touch every answer, the gateway's own included."""
    answers = [{"append": header} for header in SECURITY_HEADERS]
    silence = [{"remove": "server"}, {"remove": "x-powered-by"}]
    return typed(
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        mutations={"response_mutations": [*silence, *answers]},
    )


def _filter(name: str, config: Json) -> Json:
    return {"name": name, "typed_config": config}


def _access_log() -> Json:
    config = typed("envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", log_format={"json_format": ACCESS_LOG})
    return _filter("envoy.access_loggers.stdout", config)


def _tls(tls: Tls) -> Json:
    certificate = {"certificate_chain": {"filename": tls.certificate}, "private_key": {"filename": tls.key}}
    context = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        "tls_certificates": [certificate],
    }
    config = typed("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context=context)
    return _filter("envoy.transport_sockets.tls", config)
