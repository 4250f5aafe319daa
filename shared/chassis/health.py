"""`/livez`, `/readyz`, `/metrics` of every process, API or worker (design 22)."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.routing import Route

Check = Callable[[], Awaitable[object]]


class Health:
    """Named checks with time-outs. A check passes by returning and fails by raising."""

    def __init__(self, service: str) -> None:
        raise NotImplementedError

    def add(self, name: str, check: Check, timeout: float = 2.0) -> None:
        """Readiness needs `check` within `timeout` seconds."""
        raise NotImplementedError

    def drain(self) -> None:
        """From now on not ready, so that the balancer looks elsewhere; live streams end."""
        raise NotImplementedError

    async def drained(self) -> None:
        """Returns once `drain` was called."""
        raise NotImplementedError

    def routes(self) -> list[Route]:
        """`/livez`, `/readyz`, `/metrics`."""
        raise NotImplementedError


def health_app(health: Health) -> Starlette:
    """A small app with those routes only, for workers."""
    raise NotImplementedError
