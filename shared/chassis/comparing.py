"""Two versions of a view, document by document (ADR 15)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.chassis.event_store import NO_STREAM
from shared.chassis.mongo import Collection, Database, Document

SAMPLES = 10
"""Documents told of each kind of difference; the others are only counted."""
_BATCH = 1_000
_SUSPECTS = 200
_LOOKS = 10
_PAUSE_SECONDS = 0.1
Tell = Callable[[str, int, float | None], None]
"""Told what is done, how many, and which share of all (0 to 1; None: not known), as often as it happens."""


def silent(what: str, done: int, share: float | None) -> None:
    """For those who do not ask."""


@dataclass(frozen=True)
class Difference:
    """A document by its key, and the names of the fields that differ; no values, since those may be a person's."""

    key: str
    fields: tuple[str, ...] = ()


@dataclass
class Compared:
    """Counts, and the first ten keys of each kind. `added` is in the new version only, `lost` in the old one only."""

    equal: int = 0
    added: int = 0
    lost: int = 0
    changed: int = 0
    samples: dict[str, list[Difference]] = field(default_factory=lambda: {"added": [], "lost": [], "changed": []})

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.lost or self.changed)

    def count(self, key: str, old: Document | None, new: Document | None) -> None:
        """One document as the two sides have it; one that is gone counts as none."""
        before, after = shown(old), shown(new)
        if before == after:
            self.equal += before is not None
            return
        kind = "added" if before is None else "lost" if after is None else "changed"
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.samples[kind]) < SAMPLES:
            self.samples[kind].append(
                Difference(key, differing(before or {}, after or {}) if kind == "changed" else ())
            )


def shown(document: Document | None) -> Document | None:
    """What of a document is the view's; what begins with an underscore is its keeper's. None if it is gone."""
    if document is None or "_gone" in document:
        return None
    return {name: value for name, value in document.items() if not name.startswith("_")}


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the fields that only one has, or that differ."""
    only_one = old.keys() ^ new.keys()
    return tuple(sorted(only_one | {name for name in old.keys() & new.keys() if old[name] != new[name]}))


async def diff(db: Database, old: str, new: str, clinic: str | None = None, tell: Tell = silent) -> Compared:
    """The documents of two collections, of one clinic or all, read side by side in the order of their ids.

    Memory does not grow with them. Both may be written meanwhile: what differs is looked at again, for a second at
    most, until both have seen the same revision.
    """
    compared = Compared()
    suspects: list[str] = []
    seen, total = 0, await estimated(db[old], clinic)
    async for key, left, right in side_by_side(db[old], db[new], clinic):
        seen += 1
        tell("documents", seen, seen / total if total else None)
        if shown(left) == shown(right):
            compared.count(key, left, right)
        else:
            suspects.append(key)
        if len(suspects) >= _SUSPECTS:
            await _look_again(db, old, new, suspects, compared)
            suspects = []
    await _look_again(db, old, new, suspects, compared)
    return compared


async def estimated(collection: Collection, clinic: str | None) -> int | None:
    """How many documents there are, roughly; None for one clinic's, which would have to be counted."""
    return await collection.estimated_document_count() if clinic is None else None


async def side_by_side(
    old: Collection, new: Collection, clinic: str | None = None
) -> AsyncIterator[tuple[str, Document | None, Document | None]]:
    """Every id that either has, with the documents of both."""
    left, right = Sorted(old, clinic), Sorted(new, clinic)
    await left.step()
    await right.step()
    while left.row is not None or right.row is not None:
        key = min(row["_id"] for row in (left.row, right.row) if row is not None)
        ours = left.row if left.row is not None and left.row["_id"] == key else None
        theirs = right.row if right.row is not None and right.row["_id"] == key else None
        yield key, ours, theirs
        if ours is not None:
            await left.step()
        if theirs is not None:
            await right.step()


class Sorted:
    """A collection's documents by id, a page at a time, so that no cursor grows old: `row` is the present one."""

    def __init__(self, collection: Collection, clinic: str | None = None) -> None:
        self.row: Document | None = None
        self._collection = collection
        self._wanted: Document = {} if clinic is None else {"_clinic": clinic}
        self._page: list[Document] = []
        self._after: str | None = None

    async def step(self) -> None:
        """To the next document; `row` is None after the last."""
        if not self._page:
            further: Document = {} if self._after is None else {"_id": {"$gt": self._after}}
            wanted = self._wanted | further
            self._page = await self._collection.find(wanted).sort("_id", 1).limit(_BATCH).to_list(_BATCH)
            self._page.reverse()
        self.row = self._page.pop() if self._page else None
        self._after = self.row["_id"] if self.row is not None else self._after


async def _look_again(db: Database, old: str, new: str, keys: Sequence[str], compared: Compared) -> None:
    """A worker writes one version after the other: wait until a document's two revisions agree, or stay apart."""
    open_ = list(keys)
    for look in range(_LOOKS):
        if not open_:
            return
        left, right = await _by_key(db[old], open_), await _by_key(db[new], open_)
        apart = [key for key in open_ if look < _LOOKS - 1 and _revision(left.get(key)) != _revision(right.get(key))]
        for key in set(open_) - set(apart):
            compared.count(key, left.get(key), right.get(key))
        open_ = apart
        await asyncio.sleep(_PAUSE_SECONDS if apart else 0)


async def _by_key(collection: Collection, keys: Sequence[str]) -> dict[str, Document]:
    return {row["_id"]: row async for row in collection.find({"_id": {"$in": list(keys)}})}


def _revision(row: Document | None) -> int:
    return NO_STREAM if row is None else int(row["_rev"])
