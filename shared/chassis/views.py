"""The read side for queries: documents of the service's own views, always within one clinic (design 10, 16)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from shared.chassis.cursors import Paging
from shared.chassis.documents import LIVING
from shared.chassis.mongo import Database, Document
from shared.chassis.problems import Problem
from shared.chassis.versions import Versions
from shared.kernel.decider import Projection
from shared.kernel.streams import clinic_of, key_of

V = TypeVar("V", bound=BaseModel)
PATIENCE_SECONDS = 3.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Shown(Generic[V]):
    """A document for a reader: its key `<clinic>.<local id>`, its view and the stream revision it has seen."""

    key: str
    view: V
    revision: int


@dataclass(frozen=True)
class Seen:
    """What the reader already knows happened: `stream` is at least at `revision`, as a command answered."""

    stream: str
    revision: int


def seen(
    after: Annotated[
        str | None,
        Query(
            pattern=r"^[a-z][a-z0-9_]*-[^@]{1,300}@\d{1,18}$",
            description="`<stream>@<revision>` from a command's answer: wait until this view has it.",
        ),
    ] = None,
) -> Seen | None:
    """Dependency for queries that let a client read its own writes."""
    if after is None:
        return None
    stream, _, revision = after.rpartition("@")
    return Seen(stream, int(revision))


After = Annotated[Seen | None, Depends(seen)]


class Views:
    """Queries over one service's database, each on the version of its view that is active then."""

    def __init__(self, db: Database) -> None:
        self._versions = Versions(db)

    async def get(
        self, projection: Projection[Any, V], clinic_id: str, local_id: str = "", after: Seen | None = None
    ) -> Shown[V] | None:
        """The document of a stream; None if none. Problem 503 `view-behind` if `after` is not seen in 3 s."""
        await self.wait(projection, clinic_id, after)
        key = f"{clinic_id}.{local_id}" if local_id else clinic_id
        collection = await self._versions.collection(projection)
        row = await collection.find_one({"_id": key, "_clinic": clinic_id, **LIVING})
        return None if row is None else _shown(projection, row)

    async def list(
        self,
        projection: Projection[Any, V],
        clinic_id: str,
        where: Mapping[str, Any] | None = None,
        paging: Paging | None = None,
        after: Seen | None = None,
    ) -> Sequence[Shown[V]]:
        """The clinic's documents that equal `where`, in order of their keys; `paging.read` of them, or all."""
        await self.wait(projection, clinic_id, after)
        query = _matching(clinic_id, where)
        if paging is not None and paging.after is not None:
            query["_id"] = {"$gt": paging.after}
        collection = await self._versions.collection(projection)
        found = collection.find(query).sort("_id", 1)
        if paging is not None:
            found = found.limit(paging.read)
        return [_shown(projection, row) async for row in found]

    async def count(
        self, projection: Projection[Any, V], clinic_id: str, where: Mapping[str, Any] | None = None
    ) -> int:
        """How many documents of the clinic equal `where`."""
        collection = await self._versions.collection(projection)
        return await collection.count_documents(_matching(clinic_id, where))

    async def wait(self, projection: Projection[Any, V], clinic_id: str, after: Seen | None) -> None:
        """Until the document of that stream has seen the revision; other categories are not this view's matter.

        Problem 503 `view-behind` if that takes too long.
        """
        if after is None or not after.stream.startswith(f"{projection.category}-"):
            return
        if clinic_of(after.stream) != clinic_id:
            return  # how fast the answer comes must not tell what another clinic has
        until = monotonic() + PATIENCE_SECONDS
        wanted = {"_id": key_of(after.stream), "_rev": {"$gte": after.revision}}
        while await (await self._versions.collection(projection)).find_one(wanted, {"_id": 1}) is None:
            if monotonic() > until:
                raise Problem(503, "view-behind", "The view has not caught up yet.", headers={"Retry-After": "1"})
            await asyncio.sleep(_POLL_SECONDS)


def _matching(clinic_id: str, where: Mapping[str, Any] | None) -> Document:
    """A document that is gone has none of the view's fields, so that wanting a value of one leaves it out.

    Saying so a second time would keep SecantusDB, which uses an index only for all of a query or not at all, from it.
    """
    wants_a_value = any(not isinstance(wanted, dict) and wanted is not None for wanted in (where or {}).values())
    return {"_clinic": clinic_id, **(where or {}), **({} if wants_a_value else LIVING)}


def _shown(projection: Projection[Any, V], row: Document) -> Shown[V]:
    return Shown(row["_id"], projection.view.model_validate(row), row["_rev"])
