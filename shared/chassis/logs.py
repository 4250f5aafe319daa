"""structlog as JSON on stdout, with ids from contextvars, without personal data or secrets (design 22, ASVS 16.2)."""

import json
import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from typing import Any, TextIO

import structlog
from opentelemetry import trace
from structlog.contextvars import bound_contextvars, get_contextvars, merge_contextvars

REDACTED = "[redacted]"
_WORDS = """
    address apikey authorization birthday body cookie credential credentials email forename jwt kek mail mobile name
    note notes passwd password phone postcode private secret street surname text token username
"""
SENSITIVE_WORDS = frozenset(_WORDS.split())
HARMLESS = frozenset({"filename", "hostname", "service_name"})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SECRET_SHAPES = (
    (re.compile(r"eyJ[\w-]+\.[\w-]*\.[\w-]*"), REDACTED),
    (re.compile(r"(?<=://)[^/\s@]+(?=@)"), REDACTED),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), REDACTED),
    (re.compile(r"(?i)(?<=bearer )\S+"), REDACTED),
)

EventDict = MutableMapping[str, Any]


def set_up_logging(service: str, env: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Route structlog and the standard library's logging to one JSON line each on `stream` (stdout)."""
    shared: list[structlog.typing.Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _bound_to(service, env),
        _add_trace,
        _describe_exception(with_message=env == "development"),
        redact,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _as_json],
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def log_context(**values: str) -> AbstractContextManager[None]:
    """Everything logged inside carries `values` (`correlation_id=...`)."""
    return bound_contextvars(**values)


def correlation_id() -> str | None:
    """The correlation id of what is being done now, None outside a request or event."""
    value = get_contextvars().get("correlation_id")
    return value if isinstance(value, str) else None


def is_sensitive(name: str) -> bool:
    """True when a member of that name may hold a secret or something about a person; `token_id` and such do not."""
    if name in HARMLESS or name.endswith(("_id", "_ids", "Id")):
        return False
    return not SENSITIVE_WORDS.isdisjoint(word.lower() for word in _WORD.findall(name))


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """The processor: sensitive members are hidden, and what looks like a secret or a mail address in any text."""
    for name, value in event.items():
        event[name] = REDACTED if is_sensitive(name) else _scrubbed(value)
    return event


def _scrubbed(value: Any) -> Any:
    match value:
        case str():
            for shape, replacement in _SECRET_SHAPES:
                value = shape.sub(replacement, value)
            return value
        case dict():
            return {name: REDACTED if is_sensitive(str(name)) else _scrubbed(inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_scrubbed(inner) for inner in value]
        case _:
            return value


def _bound_to(service: str, env: str) -> structlog.typing.Processor:
    def bind(_logger: Any, _method: str, event: EventDict) -> EventDict:
        return {"service": service, "env": env, **event}

    return bind


def _add_trace(_logger: Any, _method: str, event: EventDict) -> EventDict:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = format(span.trace_id, "032x")
    return event


def _describe_exception(*, with_message: bool) -> structlog.typing.Processor:
    """Types and places of an exception chain. Messages quote what was sent, so production goes without them."""

    def describe(_logger: Any, _method: str, event: EventDict) -> EventDict:
        info = event.pop("exc_info", None)
        error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
        if isinstance(error, BaseException):
            event["exception"] = [_place(link, with_message=with_message) for link in _chain(error)]
        return event

    return describe


def _chain(error: BaseException | None) -> list[BaseException]:
    links: list[BaseException] = []
    while error is not None and error not in links:
        links.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return links


def _place(error: BaseException, *, with_message: bool) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[-20:]
    at = [f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    said = {"said": str(error)} if with_message else {}
    return {"type": type(error).__qualname__, **said, "at": at}


def _as_json(_logger: Any, _method: str, event: EventDict) -> str:
    """The standard library's encoder: it also takes what orjson refuses, and a log line must never be lost."""
    return json.dumps(dict(event), default=repr, ensure_ascii=False, separators=(",", ":"))
