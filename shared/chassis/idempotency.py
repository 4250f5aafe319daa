"""Idempotency-Key on every POST that creates (design 15, IETF draft-ietf-httpapi-idempotency-key-header-06)."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request, Response


@dataclass
class IdempotentRequest:
    """One request under its key. `command_id` is the same whenever the same request is repeated."""

    command_id: UUID

    async def answer(
        self, body: Mapping[str, Any], status: int = 201, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The response, stored (journaled) so that a repeat gets the same one. Ids and revisions only, no secrets."""
        raise NotImplementedError


async def idempotent(request: Request) -> AsyncIterator[IdempotentRequest]:
    """Dependency, declared after the access dependency: `once: Annotated[IdempotentRequest, Depends(idempotent)]`.

    400 `idempotency-key-required` / `idempotency-key-malformed`, 409 `idempotency-key-in-use`,
    422 `idempotency-key-reused`; a repeat is answered with `Idempotency-Replayed: true` without calling the route.
    """
    raise NotImplementedError
    yield IdempotentRequest(UUID(int=0))


async def idempotent_stream(request: Request) -> AsyncIterator[IdempotentRequest]:
    """As `idempotent`, for streamed uploads: the body is left unread."""
    raise NotImplementedError
    yield IdempotentRequest(UUID(int=0))
