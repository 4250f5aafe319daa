"""Opaque cursors and RFC 8288 `Link: rel="next"` (design 15).

A position may hold a name somebody sorts by, and cursors end up in logs as part of a URL: they are encrypted, not just
signed (ASVS 14.2.1). AES-SIV (RFC 5297) needs no nonce, so the same page has the same cursor.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from fastapi import Depends, Query, Request, Response

from shared.chassis.problems import Problem

T = TypeVar("T")
MAX_LIMIT = 200
"""Rows of a page at most, whatever is asked for."""
DEFAULT_LIMIT = 50
"""Rows of a page when nothing is asked for."""


@dataclass(frozen=True)
class Paging:
    """One page as asked for: at most `limit` rows (1..200) beyond `after`.

    `after` is what `position` gave for the last row of the page before (JSON values), None on the first page.
    """

    limit: int
    after: Any
    _request: Request
    _secret: bytes

    @property
    def read(self) -> int:
        """How many rows to read: one more than shown tells whether there is a next page."""
        return self.limit + 1

    def page(self, rows: Sequence[T], position: Callable[[T], Any], response: Response) -> Sequence[T]:
        """What to show of `rows` (read with `limit=paging.read`); sets `Link: <...>; rel="next"` when there is more."""
        shown = rows[: self.limit]
        if len(rows) > self.limit:
            cursor = encode(self._secret, _binding(self._request), position(shown[-1]))
            query = [pair for pair in self._request.query_params.multi_items() if pair[0] != "cursor"]
            target = f"{self._request.url.path}?{urlencode([*query, ('cursor', cursor)])}"
            response.headers["Link"] = f'<{target}>; rel="next"'
        return shown


async def paging(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=4096)] = None,
) -> Paging:
    """Dependency. A cursor works only for the path, filters and secret it was made for: else 400 `cursor-invalid`.

    Sealed with `request.app.state.token_secret`.
    """
    secret: bytes = request.app.state.token_secret
    after = decode(secret, _binding(request), cursor) if cursor is not None else None
    return Paging(limit, after, request, secret)


Page = Annotated[Paging, Depends(paging)]


def encode(secret: bytes, binding: str, position: Any) -> str:
    """A cursor for `position` (JSON values), usable only with the same `binding`."""
    sealed = _cipher(secret).encrypt(orjson.dumps(position), [binding.encode()])
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def decode(secret: bytes, binding: str, cursor: str) -> Any:
    """The position; Problem 400 `cursor-invalid` for anything that `encode` did not make for this binding."""
    try:
        sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return orjson.loads(_cipher(secret).decrypt(sealed, [binding.encode()]))
    except (InvalidTag, binascii.Error, ValueError):
        title = "This cursor does not belong to this list; start from its first page."
        raise Problem(400, "cursor-invalid", title) from None


def _cipher(secret: bytes) -> AESSIV:
    return AESSIV(hmac.digest(secret, b"vetwire-cursor", "sha512"))


def _binding(request: Request) -> str:
    """Path (which holds the clinic) and filters; the size of a page may change on the way."""
    filters = sorted(pair for pair in request.query_params.multi_items() if pair[0] not in {"cursor", "limit"})
    return orjson.dumps([request.url.path, filters]).decode()
