"""Live views: SSE from MongoDB change streams, resumable with Last-Event-ID (design 18)."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request
from starlette.responses import StreamingResponse

Render = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]


async def live(
    request: Request, collection: Any, match: Mapping[str, Any], render: Render | None = None
) -> StreamingResponse:
    """Documents of `collection` that equal `match`, each time one changes, as `event: change`, `id:` = where to resume.

    Events: `change` with the document (through `render`; None leaves it out), `reset` when the place to resume from is
    gone (load anew). A comment every 15 s. Ends at token expiry, on drain, when the client goes. 429 `too-many-live-streams`.
    """
    raise NotImplementedError
