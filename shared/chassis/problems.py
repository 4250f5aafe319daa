"""Errors as RFC 9457 `application/problem+json`; `type` and `code` are API, the texts are not (design 15)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from shared.chassis.logs import correlation_id
from shared.kernel.errors import Refused, RevisionMismatch, TooLarge

TYPE_BASE = "https://vetwire.dev/problems/"
MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 100
"""Field errors told of one request; more would only repeat."""
MAX_POINTER_LENGTH = 200
"""Characters of a pointer: names in a body may be as long as the body."""
PHRASES = {413: "Content too large", 422: "Unprocessable content"}
"""Of RFC 9110, where Python 3.11 still has the older ones."""

log = structlog.get_logger(__name__)


class Problem(Exception):
    """An answer that is not a success. `code` is kebab case and stable; `extensions` are added members of the body.

    Header names in `headers` are sent as they are (WWW-Authenticate, Retry-After).
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.extensions = extensions

    def body(self) -> dict[str, Any]:
        """The members of the problem object; `detail` is left out when there is none."""
        members = {"type": TYPE_BASE + self.code, "title": self.title, "status": self.status, "code": self.code}
        if self.detail:
            members["detail"] = self.detail
        return {**self.extensions, **members}

    def response(self) -> Response:
        """The problem as a response that no cache may keep."""
        headers = {"Cache-Control": "no-store", **self.headers}
        return JSONResponse(self.body(), self.status, headers, media_type=MEDIA_TYPE)


class FieldError(BaseModel):
    """One reason why a request was not understood."""

    pointer: str = Field(description="Where: a JSON pointer into the body, or `query:name`, `header:name`, `path:name`")
    code: str = Field(description="What: a stable kebab-case code")
    detail: str = Field(description="The same for people; never repeats what was sent")


class ProblemBody(BaseModel):
    """RFC 9457 problem details, as documented in OpenAPI."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    errors: list[FieldError] | None = None


def not_found() -> Problem:
    """The one answer for what does not exist and for what another tenant owns (design 17): they must not differ."""
    return Problem(404, "not-found", "There is no such thing here.")


def draining() -> Problem:
    """This process is about to stop; another one is there."""
    return Problem(503, "draining", "This server is about to stop; ask again.", headers={"Retry-After": "1"})


def install_problems(app: FastAPI, refusals: Mapping[str, int]) -> None:
    """Turn what routes raise into problems; `refusals` maps codes of `Refused` to a status other than 409.

    What nobody expected is `unexpected`, which the outermost middleware answers with.
    """

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return refusal(error, refusals).response()

    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(RevisionMismatch, _revision_mismatch)
    app.add_exception_handler(TooLarge, _too_large)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_exception)


def refusal(error: Refused, refusals: Mapping[str, int]) -> Problem:
    """What a refusal of the domain is to a caller: 409 unless the service says otherwise for its code."""
    text = str(error)
    return Problem(refusals.get(error.code, 409), error.code, _sentence(error.code), text if text != error.code else "")


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _revision_mismatch(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RevisionMismatch)
    problem = Problem(412, "revision-mismatch", "It has changed since you last saw it.")
    if error.actual is not None:
        problem.extensions["revision"] = error.actual
    return problem.response()


async def _too_large(_request: Request, error: Exception) -> Response:
    """As for a body that is too large by itself: what would be stored of this one is."""
    return await _http_exception(_request, HTTPException(413))


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [_field_error(item).model_dump() for item in error.errors()[:MAX_ERRORS]]
    return Problem(422, "invalid-request", "The request was not understood.", errors=errors).response()


async def _http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return not_found().response()
    phrase = PHRASES.get(error.status_code) or HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "-")
    return Problem(error.status_code, code, f"{phrase}.", headers=error.headers).response()


def unexpected(error: Exception) -> Problem:
    """A fault of ours: everything about it goes to the log, the caller gets the id to ask about (ASVS 16.5.1)."""
    log.error("unexpected-error", exc_info=error)
    return Problem(
        500, "internal-error", "Something went wrong on our side.", correlation_id=correlation_id() or "unknown"
    )


def _field_error(item: Mapping[str, Any]) -> FieldError:
    """Pydantic's message is not used: for some types it repeats the value, which may be personal or secret."""
    place, *rest = [str(part) for part in item["loc"]]
    code = str(item["type"]).replace("_", "-").replace(".", "-")
    if place == "body":
        pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in rest)
    else:
        pointer = f"{place}:{'.'.join(rest)}"
    return FieldError(pointer=pointer[:MAX_POINTER_LENGTH], code=code, detail=_sentence(code))


def _sentence(code: str) -> str:
    return code.replace("-", " ").capitalize() + "."
