"""A service's OpenAPI 3.1 document: what FastAPI cannot know of what is really sent is added here (design 15)."""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from shared.chassis.problems import MEDIA_TYPE, ProblemBody

CONVENTIONS = """\
The same in every service:

- An answer that is not a success is a problem (RFC 9457). `code` is stable; texts are not.
- A list is an array. What has a next page says so in `Link: <...>; rel="next"` (RFC 8288); follow it as it is. A list
  marked `x-short-list` comes whole.
- A command answers with its `stream` and `revision`; a query given `?after=<stream>@<revision>` shows its effect.
- Whatever has a `revision` has it as `ETag` too: send that in `If-Match` to change only what you saw.
- `Idempotency-Key` names a wish: the same key again gets the first answer, with `Idempotency-Replayed: true`.
- What does not exist and what is another clinic's are the same 404 `not-found`.
"""
PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem (RFC 9457)",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
    }
}
SHORT_LIST = {"x-short-list": True}
"""`openapi_extra` of a list that has few items by its nature and is never paged."""
NEEDED = {"x-needed": True}
"""`json_schema_extra` of a header whose absence has a problem of its own, so that FastAPI takes it as optional."""
_ETAG = {"description": "The entity tag of what is answered", "schema": {"type": "string"}}
_LINK = {"description": 'The next page, `rel="next"`; absent on the last one', "schema": {"type": "string"}}
CONDITIONAL: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": _ETAG}},
    304: {"description": "Nothing is new since the tag in If-None-Match", "headers": {"ETag": _ETAG}},
}
"""`responses` of a query that honours If-None-Match."""


def operation_id(route: APIRoute) -> str:
    """The route's name: clients call their methods so."""
    return route.name


def document_what_is_sent(app: FastAPI) -> None:
    """FastAPI documents 422 as its own shape, and headers not at all: say what is really sent."""
    generate = app.openapi
    app.description = CONVENTIONS

    def documented() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(generate())
        assert app.openapi_schema is not None
        return app.openapi_schema

    setattr(app, "openapi", documented)  # noqa: B010 -- FastAPI's documented way to extend; mypy forbids assignment


def _complete(schema: dict[str, Any]) -> None:
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["ProblemBody"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for method, operation in _operations(schema):
        operation["responses"].pop("422", None)
        _require_headers(operation)
        _tell_link(operation)
        if method != "get":
            _tell_etag(operation, schemas)


def _operations(schema: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in schema.get("paths", {}).values():
        yield from ((method, operation) for method, operation in path.items() if "responses" in operation)


def _require_headers(operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["schema"].pop("x-needed", False):
            parameter["required"] = True
            parameter["schema"] = {"type": "string", "title": parameter["name"]}


def _tell_link(operation: dict[str, Any]) -> None:
    is_paged = any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ()))
    for status, response in operation["responses"].items():
        if status.startswith("2") and is_paged:
            response.setdefault("headers", {})["Link"] = _LINK


def _tell_etag(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """A command answers with the tag of what it changed; a query says so itself (`CONDITIONAL`)."""
    for status, response in operation["responses"].items():
        if status.startswith("2") and "revision" in _properties(response, schemas):
            response.setdefault("headers", {})["ETag"] = _ETAG


def _properties(response: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of the object that a response holds; of a list none."""
    shape = response.get("content", {}).get("application/json", {}).get("schema", {})
    found: Mapping[str, Any] = schemas.get(shape.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
    return found
