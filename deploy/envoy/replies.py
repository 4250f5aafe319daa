"""What the gateway says itself: problem documents (RFC 9457) in place of Envoy's own sentences."""

from dataclasses import dataclass

from deploy.envoy.gateway import Json, typed

PROBLEM_TYPE = "https://vetwire.dev/problems/"


@dataclass(frozen=True, slots=True)
class Reply:
    """One status that the gateway can answer with, without asking a service."""

    status: int
    code: str
    title: str
    headers: tuple[tuple[str, str], ...] = ()


REPLIES = (
    Reply(400, "bad-request", "The request is not well-formed."),
    Reply(
        401,
        "token-missing-or-invalid",
        "A valid access token is needed.",
        # Envoy's own challenge repeats the host and the path that the client sent.
        (("www-authenticate", 'Bearer realm="vetwire"'),),
    ),
    Reply(403, "token-not-for-this-api", "The access token was issued for another audience."),
    Reply(404, "no-such-route", "Nothing is here."),
    Reply(408, "request-timeout", "The request took too long to arrive."),
    Reply(413, "content-too-large", "The body is larger than this route takes."),
    Reply(426, "upgrade-required", "HTTP/1.1 or HTTP/2 is needed."),
    Reply(429, "too-many-requests", "Too many requests; wait and try again."),
    Reply(431, "headers-too-large", "The headers are too large."),
    Reply(502, "bad-gateway", "The service gave no usable answer."),
    Reply(503, "service-unavailable", "The service cannot be reached now.", (("retry-after", "1"),)),
    Reply(504, "service-timeout", "The service took too long to answer."),
)
KEYS_AWAY = Reply(
    503,
    "service-unavailable",
    "Access tokens cannot be checked now.",
    (("retry-after", "1"), ("www-authenticate", 'Bearer realm="vetwire"')),
)


def overwrite(name: str, value: str) -> Json:
    """Set a header whatever was there."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def default(name: str, value: str) -> Json:
    """Set a header where the service set none."""
    return {"header": {"key": name, "value": value}, "append_action": "ADD_IF_ABSENT"}


SECURITY_HEADERS = (
    overwrite("strict-transport-security", "max-age=31536000; includeSubDomains"),
    overwrite("x-content-type-options", "nosniff"),
    overwrite("referrer-policy", "no-referrer"),
    default("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    default("cross-origin-resource-policy", "same-origin"),
    default("cache-control", "no-store"),
)


def local_reply_config() -> Json:
    """One mapper per status; replies of the services pass untouched."""
    keys_away = {**_mapper(KEYS_AWAY, _keys_are_away()), "status_code": KEYS_AWAY.status}
    return {"mappers": [keys_away, *(_mapper(reply, _status_is(reply.status)) for reply in REPLIES)]}


def _mapper(reply: Reply, chosen: Json) -> Json:
    document = {
        "type": PROBLEM_TYPE + reply.code,
        "title": reply.title,
        "status": reply.status,
        "code": reply.code,
        "request_id": "%REQUEST_HEADER(X-REQUEST-ID)%",
    }
    return {
        "filter": chosen,
        # The security headers again: a request too broken to enter the filter chain is answered from here alone.
        "headers_to_add": [*SECURITY_HEADERS, *(overwrite(name, value) for name, value in reply.headers)],
        "body_format_override": {
            "json_format": document,
            "omit_empty_values": True,
            "content_type": "application/problem+json",
        },
    }


def _keys_are_away() -> Json:
    """A gateway that just started while portal-svc was away has no keys: a sound token must not be called a bad one."""
    expression = "response.code_details.contains('Jwks_remote_fetch_is_failed')"
    chosen = typed("envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter", expression=expression)
    return {"extension_filter": {"name": "envoy.access_loggers.extension_filters.cel", "typed_config": chosen}}


def _status_is(status: int) -> Json:
    value = {"default_value": status, "runtime_key": f"vetwire.reply.{status}"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}
