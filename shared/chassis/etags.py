"""ETag = stream revision (design 15; RFC 9110 sections 8.8.3 and 13.1)."""

import re
from typing import Annotated

from fastapi import Header, Request, Response

from shared.chassis.openapi import NEEDED
from shared.chassis.problems import Problem

_REVISION = re.compile(r'(?:W/)?"(\d{1,18})"\Z')


def etag(revision: int) -> str:
    """The strong entity tag of a stream revision: 7 -> `"7"`."""
    return f'"{revision}"'


_Wanted = Annotated[
    str | None,
    Header(alias="If-Match", description="The tag that was last seen; without it the change is made to what is there"),
]
_Needed = Annotated[
    str | None, Header(alias="If-Match", description="The tag that was last seen", json_schema_extra=NEEDED)
]


def if_match(request: Request, _tag: _Wanted = None) -> int | None:
    """The revision the caller counts on; None when the header is absent or `*`.

    Problem 400 `if-match-malformed` for anything that is not one of our tags. A list of tags is refused: a stream has
    one revision. The write side answers 412 `revision-mismatch` when the stream has moved on.
    """
    value = request.headers.get("if-match")
    if value is None or value.strip() == "*":
        return None
    found = _REVISION.match(value.strip())
    if found is None or value.strip().startswith("W/"):
        raise Problem(400, "if-match-malformed", 'If-Match takes one strong entity tag, for example "7".')
    return int(found[1])


def required_if_match(request: Request, _tag: _Needed = None) -> int:
    """As `if_match`, for operations that must not be blind: 428 `if-match-required` when there is none (RFC 6585)."""
    revision = if_match(request)
    if revision is None:
        raise Problem(428, "if-match-required", "Send If-Match with the entity tag you last saw.")
    return revision


def not_modified(request: Request, revision: int) -> Response | None:
    """A 304 with the tag when If-None-Match already names `revision` (weak comparison, RFC 9110 13.1.2), else None."""
    value = request.headers.get("if-none-match", "")
    tags = [tag.strip() for tag in value.split(",")]
    known = {found[1] for tag in tags if (found := _REVISION.match(tag))}
    if "*" in tags or str(revision) in known:
        return Response(status_code=304, headers={"ETag": etag(revision)})
    return None
