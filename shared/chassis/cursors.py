"""Opaque signed cursors and RFC 8288 `Link: rel="next"` (design 15)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import Request, Response

T = TypeVar("T")


@dataclass(frozen=True)
class Paging(Generic[T]):
    """One page as asked for: at most `limit` rows (1..200) after `after` (what the cursor holds; None: from the start)."""

    limit: int
    after: Any

    def page(self, rows: Sequence[T], position: Callable[[T], Any], response: Response) -> list[T]:
        """The page of `rows`, which the caller read with `limit + 1`; sets the Link header when there is a next page."""
        raise NotImplementedError


def paging(request: Request, filters: Mapping[str, Any] | None = None) -> Paging[Any]:
    """From the query's `limit` and `cursor`. 400 `cursor-invalid` for a cursor of another route, filter or signer; 422 for a limit."""
    raise NotImplementedError
