"""No request body is longer than allowed, declared or chunked (security C.1 API4)."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LIMIT = "vetwire.max_body_bytes"


def too_large() -> HTTPException:
    """413. An HTTPException, since FastAPI makes 400 of other exceptions raised while it reads a body."""
    return HTTPException(413)


def widen(scope: Scope, max_bytes: int) -> None:
    """This request may send `max_bytes`; to be called before its body is read."""
    if LIMIT in scope:
        scope[LIMIT][0] = max_bytes


class BodyLimit:
    """Pure ASGI: raises `too_large()` out of `receive`, once the declared or the counted length is above the limit.

    Routes that stream choose their own limit with `widen`; nothing is refused before the route is known.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap `receive` of HTTP requests."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = [self._max_bytes]
        declared = _declared_length(scope)
        received = 0

        async def limited() -> Message:
            nonlocal received
            if declared > limit[0]:
                raise too_large()
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit[0]:
                raise too_large()
            return message

        scope[LIMIT] = limit
        await self._app(scope, limited, send)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
