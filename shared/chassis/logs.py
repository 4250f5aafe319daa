"""structlog as JSON on stdout, with ids from contextvars, without personal data or secrets (design 22, ASVS 16.2)."""

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

import structlog
from opentelemetry import trace
from structlog.contextvars import bound_contextvars, get_contextvars, merge_contextvars

from shared.events.envelope import StoredEvent

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
_handled: ContextVar[StoredEvent | None] = ContextVar("handled", default=None)
_IDS = ("correlation_id", "clinic_id", "command_id")


def set_up_logging(service: str, env: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Route structlog and the standard library's logging to one JSON line each on `stream` (stdout).

    Development and production write the same lines: who tries a clinic's data at home has real people in it.
    Below INFO only our own loggers are heard: drivers tell there every document that they carry.
    """
    shared = [
        structlog.stdlib.add_logger_name,
        _bound_to(service, env),
        *_processors(),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _as_json],
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(formatter)
    handler.addFilter(_without_words)
    logging.basicConfig(handlers=[handler], level=max(logging.INFO, getattr(logging, level)), force=True)
    for ours in ("shared", "ops", service.replace("-", "_")):
        logging.getLogger(ours).setLevel(level)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it tells every address that it asks, query and all
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def without_set_up() -> None:
    """How lines are written until `set_up_logging`, in tests and tools: structlog alone would print local variables."""
    structlog.configure(
        processors=[*_processors(), _as_json],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _processors() -> list[structlog.typing.Processor]:
    return [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_handled,
        _add_trace,
        _describe_exception,
        redact,
    ]


@contextmanager
def log_context(**values: str | None) -> Iterator[None]:
    """Everything logged inside carries `values` (`correlation_id=...`), those that are not None."""
    with bound_contextvars(**{name: value for name, value in values.items() if value is not None}):
        yield


def about(event: StoredEvent | None) -> None:
    """From now on lines of this task tell the ids of `event`; None: of none.

    Costs next to nothing for each event: they are looked up when a line is written.
    """
    _handled.set(event)


def correlation_id() -> str | None:
    """The correlation id of what is being done now, None outside a request or event."""
    value = get_contextvars().get("correlation_id") or _ids_of(_handled.get()).get("correlation_id")
    return value if isinstance(value, str) else None


def told(error: BaseException) -> str:
    """An error in one word: its type, with a driver's number and, of the operating system's errors, the text.

    Other texts quote what somebody sent: drivers put whole documents into theirs.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return f"{type(error).__qualname__}: {error}"
    code = getattr(error, "code", None)
    return f"{type(error).__qualname__} {code}" if isinstance(code, int) else type(error).__qualname__


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


def _add_handled(_logger: Any, _method: str, line: EventDict) -> EventDict:
    event = _handled.get()
    if event is not None:
        for name, value in {"event_id": str(event.id), "stream": event.stream, **_ids_of(event)}.items():
            line.setdefault(name, value)
    return line


def _ids_of(event: StoredEvent | None) -> dict[str, Any]:
    try:
        found = json.loads(event.metadata) if event else {}
    except ValueError:
        return {}
    return {name: found[name] for name in _IDS if name in found} if isinstance(found, dict) else {}


def _without_words(record: logging.LogRecord) -> bool:
    """Drivers and asyncio put errors into their texts, whose words may quote a person: the type has to do."""
    if isinstance(record.args, tuple):
        record.args = tuple(told(arg) if isinstance(arg, BaseException) else arg for arg in record.args)
    if record.name == "asyncio" and isinstance(record.msg, str):
        record.msg = record.msg.partition("\n")[0]  # what follows is the repr of a task, its result or error included
    return True


def _describe_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Types and places of an exception chain, without its messages and local variables: they quote what was sent."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = [_place(link) for link in _chain(error)]
    return event


def _chain(error: BaseException | None) -> list[BaseException]:
    links: list[BaseException] = []
    while error is not None and error not in links:
        links.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return links


def _place(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[-20:]
    at = [f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    return {"type": type(error).__qualname__, "at": at}


def _as_json(_logger: Any, _method: str, event: EventDict) -> str:
    """The standard library's encoder: it also takes what orjson refuses, and a log line must never be lost."""
    return json.dumps(dict(event), default=repr, ensure_ascii=False, separators=(",", ":"))
