"""structlog as JSON on stdout, with ids from contextvars and without personal data or secrets (design 22, ASVS 16.2)."""

from contextlib import AbstractContextManager


def set_up_logging(service: str, env: str, level: str = "INFO") -> None:
    """Route structlog and the standard library's logging to one JSON line each."""
    raise NotImplementedError


def log_context(**values: str) -> AbstractContextManager[None]:
    """Everything logged inside carries `values` (`correlation_id=...`)."""
    raise NotImplementedError


def correlation_id() -> str | None:
    """The correlation id of what is being done now."""
    raise NotImplementedError
