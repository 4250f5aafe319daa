"""Between a route and a command: who asks becomes the context, what was handled becomes the answer."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, Path, Request
from pydantic import BaseModel

from shared.chassis import clock
from shared.chassis.commands import Context, Handled
from shared.chassis.etags import etag, required_if_match
from shared.chassis.event_store import EventStore
from shared.chassis.idempotency import IdempotentRequest, idempotent
from shared.chassis.idempotency_store import MongoIdempotencyStore
from shared.chassis.logs import correlation_id
from shared.chassis.runtime import Runtime, runtime
from shared.chassis.settings import ChassisSettings
from shared.chassis.telemetry import current_traceparent
from shared.chassis.verifier import Identity
from shared.chassis.views import Views
from shared.events.envelope import Actor


class Accepted(BaseModel):
    """A command's answer: read with `?after=<stream>@<revision>` to see its effect (design 16)."""

    stream: str
    revision: int


def context(who: Identity, clinic_id: str, command_id: UUID) -> Context:
    """The context of a command that `who` sends now. `command_id` comes from the Idempotency-Key."""
    return Context(
        clinic_id=clinic_id,
        actor=Actor.model_validate({"kind": who.role, "id": who.subject}),
        command_id=command_id,
        correlation_id=correlation_id() or clock.new_id(),
        now=clock.now(),
        traceparent=current_traceparent(),
    )


def accepted(handled: Handled, **ids: str) -> dict[str, Any]:
    """The body that answers a command: where its stream is, and the ids that were made."""
    return {**ids, "stream": handled.stream, "revision": handled.revision}


def etag_of(handled: Handled) -> Mapping[str, str]:
    """The ETag header of what a command changed."""
    return {"ETag": etag(handled.revision)}


def _runtime(request: Request) -> Runtime:
    found: Runtime = request.app.state.runtime
    return found


def _store(request: Request) -> EventStore:
    return _runtime(request).store


def _views(request: Request) -> Views:
    found: Views = request.app.state.views
    return found


Once = Annotated[IdempotentRequest, Depends(idempotent)]
Expected = Annotated[int, Depends(required_if_match)]
MadeId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
"""An id that a service of ours gave: 32 hex digits."""
Running = Annotated[Runtime, Depends(_runtime)]
Store = Annotated[EventStore, Depends(_store)]
Read = Annotated[Views, Depends(_views)]


def connected(settings: ChassisSettings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """The lifespan of an API process: connections opened, put on `app.state`, and closed in the end."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with runtime(settings) as running:
            app.state.runtime = running
            app.state.views = Views(running.db)
            app.state.idempotency = MongoIdempotencyStore(running.db)
            app.state.health.add("servers", running.ping)
            yield

    return lifespan
