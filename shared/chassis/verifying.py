"""A view's documents against a fresh fold of their streams from the event store (ADR 15)."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import bson

from shared.chassis.comparing import Difference, Sorted, Tell, differing, estimated, shown, silent
from shared.chassis.documents import AnyProjection, Folded, Unwritable
from shared.chassis.event_store import NO_STREAM, EventStore
from shared.chassis.history import handled_names
from shared.chassis.mongo import CODEC, Collection, Document
from shared.events.envelope import Recorded
from shared.kernel.streams import category_of, clinic_of, key_of

GONE = "(gone)"
_BATCH = 1_000
_LOOKS = 20
_PAUSE_SECONDS = 0.25


@dataclass
class Verified:
    """Of `checked` documents the `wrong` ones differ from the fold of their stream; `missing` keys have none.

    `failed` streams cannot be folded: a handler fails on an event that the document says it has seen.
    """

    checked: int = 0
    wrong: list[Difference] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether every document looked at is what its stream says, and none is missing."""
        return not (self.wrong or self.failed or self.missing)


async def verify(
    store: EventStore,
    collection: Collection,
    projection: AnyProjection,
    every: int = 1,
    clinic: str | None = None,
    tell: Tell = silent,
) -> Verified:
    """Fold streams anew from the event store, up to the revision that their document has seen, and compare.

    Looks at one document in `every`, of one clinic or all, in the order of their ids; with 1 also for streams that have
    no document within five seconds, unless an event of theirs is parked. Raises infrastructure errors.
    """
    found = Verified()
    documents = Sorted(collection, clinic)
    index, total = 0, await estimated(collection, clinic)
    await documents.step()
    while documents.row is not None:
        if index % every == 0:
            await _check(store, projection, documents.row, found)
        index += 1
        tell("documents", index, index / total if total else None)
        await documents.step()
    if every == 1:
        found.missing = await _missing(store, collection, projection, clinic, tell)
    return found


async def _check(store: EventStore, projection: AnyProjection, row: Document, found: Verified) -> None:
    found.checked += 1
    fresh = await fresh_fold(store, projection, row["_id"], row["_rev"])
    if fresh is None:
        found.failed.append(row["_id"])
        return
    before, after = shown(row), shown(fresh)
    if before != after or fresh["_rev"] != row["_rev"]:
        fields = (GONE,) if before is None or after is None else differing(before, after)
        found.wrong.append(Difference(row["_id"], fields))


async def fresh_fold(store: EventStore, projection: AnyProjection, key: str, revision: int) -> Document | None:
    """The document of a stream up to `revision`, as MongoDB would give it back; None if it cannot be folded."""
    document = Folded(f"{projection.category}-{key}", NO_STREAM, NO_STREAM, None)
    stored = await store.read_stored(document.stream, 0, revision + 1)
    for each, decoded in zip(stored, await store.codec.decode(stored), strict=True):
        event = decoded.event if isinstance(decoded, Recorded) else decoded
        if document.take(projection, each.revision, event) is not None:
            return None
    try:
        raw: Any = document.to_raw()
    except Unwritable:
        return None
    return bson.decode(raw.raw, codec_options=CODEC)


async def _missing(
    store: EventStore, collection: Collection, projection: AnyProjection, clinic: str | None, tell: Tell
) -> list[str]:
    lacking: set[str] = set()
    batch: set[str] = set()
    types = "|".join(re.escape(name) for name in handled_names(projection))
    seen, head = 0, await store.head(f"({types})$")
    async with aclosing(store.scan(types=f"({types})$")) as events:
        async for event in events:
            seen += 1
            tell("events", seen, event.position / head if head else None)
            if category_of(event.stream) == projection.category and clinic in (None, clinic_of(event.stream)):
                batch.add(key_of(event.stream))
            if len(batch) >= _BATCH:
                lacking |= await _without(collection, list(batch))
                batch.clear()
    lacking |= await _without(collection, list(batch))
    for _ in range(_LOOKS):
        if not lacking:
            break
        await asyncio.sleep(_PAUSE_SECONDS)
        lacking = await _without(collection, list(lacking))
    return sorted(lacking)


async def _without(collection: Collection, keys: Sequence[str]) -> set[str]:
    """Those that have no document, and whose stream is not parked."""
    rows = collection.find({"_id": {"$in": keys}}, {"_id": 1})
    lacking = set(keys) - {row["_id"] async for row in rows}
    if not lacking:
        return lacking
    parked = collection.database["parked"].find({"handler": collection.name}, {"stream": 1})
    return lacking - {key_of(row["stream"]) async for row in parked}
