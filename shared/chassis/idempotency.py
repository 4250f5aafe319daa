"""Idempotency-Key on every POST that creates (design 15, IETF draft-ietf-httpapi-idempotency-key-header-06)."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import orjson
import structlog
from fastapi import Header, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from shared.chassis.auth import identity
from shared.chassis.clock import new_id
from shared.chassis.crash_points import Point, passing
from shared.chassis.idempotency_store import LEASE, TTL, Claim, IdempotencyStore, Outcome, StoredAnswer
from shared.chassis.logs import is_sensitive
from shared.chassis.openapi import NEEDED
from shared.chassis.problems import Problem
from shared.kernel.errors import Refused, RevisionMismatch, TooLarge
from shared.kernel.ids import derived_id

MAX_ANSWER_BYTES = 16_384
_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"\Z')
_PLAIN = re.compile(r"[A-Za-z0-9._~:+/=-]{1,255}\Z")

log = structlog.get_logger(__name__)


class Replayed(Exception):
    """Not an error: the request was answered before, and `response` is that answer."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


@dataclass
class IdempotentRequest:
    """One request under its key.

    `command_id` is made from who asks, where, the key and what was asked: a repeat makes the same event ids, so a crash
    between the append and the stored answer is harmless; another payload under a forgotten key makes others.
    """

    command_id: UUID
    _claim: Claim
    _store: IdempotencyStore
    _answered: bool = field(default=False, init=False)

    async def answer(
        self, body: Mapping[str, Any], status: int = 201, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The response, stored (journaled) for 24 h so that a repeat gets the same one.

        ValueError for a body with a secret or personal member, or above 16 kB: an answer is ids and revisions.
        """
        names = sorted(name for name in _member_names(body) if is_sensitive(name))
        content = orjson.dumps(body)
        if names or len(content) > MAX_ANSWER_BYTES:
            raise ValueError(f"an answer that is stored holds ids and revisions only, not {names or 'so much'}")
        stored = StoredAnswer(status, content.decode(), dict(headers or {}))
        await self._store.finish(self._claim, stored)
        passing(Point.AFTER_ANSWER_KEPT_BEFORE_REPLY)
        self._answered = True
        return _response(stored)


class Idempotent:
    """The dependency; `fingerprint` tells one payload from another."""

    needs_access = True

    def __init__(self, fingerprint: Callable[[Request], Awaitable[str]]) -> None:
        self._fingerprint = fingerprint

    async def __call__(
        self,
        request: Request,
        idempotency_key: Annotated[
            str | None,
            Header(
                alias="Idempotency-Key",
                json_schema_extra=NEEDED,
                description="Names this wish: repeat it with the same key and it happens once. Kept for "
                f"{int(TTL.total_seconds()) // 3600} hours. A quoted string or a plain token, 255 characters at most.",
            ),
        ] = None,
    ) -> AsyncIterator[IdempotentRequest]:
        """Problems 400 `idempotency-key-required`, `idempotency-key-malformed`; 409 `idempotency-key-in-use`
        (Retry-After); 422 `idempotency-key-reused`. A repeat is answered without calling the route."""
        key = _parsed(request.headers.getlist("idempotency-key"))
        who = await identity(request)
        scope = (who.subject, request.method, request.url.path, key)
        fingerprint = await self._fingerprint(request)
        key_id = hashlib.sha256(orjson.dumps(scope)).hexdigest()
        claim = Claim(key_id, fingerprint, new_id())
        store: IdempotencyStore = request.app.state.idempotency
        _raise_unless_ours(await store.claim(claim))
        passing(Point.AFTER_CLAIM)
        once = IdempotentRequest(derived_id(*scope, fingerprint), claim, store)
        try:
            async with _kept(store, claim):
                yield once
        except BaseException as error:
            await store.release(claim, forget=_is_callers_fault(error))
            raise
        if not once._answered:
            log.error("idempotent-request-without-answer", path=request.url.path)
            await store.release(claim, forget=False)


def _raise_unless_ours(outcome: Outcome) -> None:
    if outcome.answer is not None:
        response = _response(outcome.answer)
        response.headers["Idempotency-Replayed"] = "true"
        raise Replayed(response)
    if outcome.is_other_payload:
        raise Problem(422, "idempotency-key-reused", "This Idempotency-Key was used for another request.")
    if not outcome.is_ours:
        headers = {"Retry-After": str(int(LEASE.total_seconds()))}
        raise Problem(
            409, "idempotency-key-in-use", "The first request with this key is still running.", headers=headers
        )


@asynccontextmanager
async def _kept(store: IdempotencyStore, claim: Claim) -> AsyncIterator[None]:
    """Renews the claim of a request that takes long (an upload), so that no repeat takes it over."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            await store.renew(claim)

    task = asyncio.create_task(renew())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def replay(_request: Request, error: Exception) -> Response:
    """The exception handler for `Replayed`."""
    assert isinstance(error, Replayed)
    return error.response


def _is_callers_fault(error: BaseException) -> bool:
    """After an answer such as 422 the caller may mend the request and keep its key; after a 500 nobody knows."""
    match error:
        case Refused() | RevisionMismatch() | TooLarge() | RequestValidationError():
            return True
        case Problem(status=status) | HTTPException(status_code=status):
            return status < 500
        case _:
            return False


def _response(stored: StoredAnswer) -> Response:
    headers = {"Cache-Control": "no-store", **stored.headers}
    return Response(stored.body, stored.status, headers, media_type="application/json")


def _parsed(values: list[str]) -> str:
    if not values:
        raise Problem(400, "idempotency-key-required", "Send an Idempotency-Key with this request.")
    value = values[0].strip()
    quoted = _QUOTED.match(value)
    if len(values) > 1 or not (quoted or _PLAIN.match(value)):
        raise Problem(400, "idempotency-key-malformed", "The Idempotency-Key is one string of 255 characters at most.")
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value


def _member_names(body: Any) -> set[str]:
    match body:
        case Mapping():
            return set(body).union(*(_member_names(value) for value in body.values()))
        case list() | tuple():
            return set().union(*(_member_names(value) for value in body))
        case _:
            return set()


async def _of_body(request: Request) -> str:
    digest = hashlib.sha256(await request.body())
    digest.update(orjson.dumps([request.url.query, request.headers.get("if-match")]))
    return digest.hexdigest()


async def _of_headers(request: Request) -> str:
    names = ("content-type", "content-length", "content-encoding", "content-digest")
    told = [request.headers.get(name) for name in names]
    return hashlib.sha256(orjson.dumps([request.url.query, told])).hexdigest()


idempotent = Idempotent(_of_body)
"""Declare it after the access dependency: `once: Annotated[IdempotentRequest, Depends(idempotent)]`."""

idempotent_stream = Idempotent(_of_headers)
"""For streamed uploads: the body stays unread, payloads are told apart by length, type and Content-Digest (RFC 9530).

Two uploads may look alike, so what such a route appends takes its event ids from the content as well.
"""
