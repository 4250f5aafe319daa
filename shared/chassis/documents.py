"""What a view's document looks like in MongoDB: the view's fields, and beside them what its keeper needs.

`_id` is the stream's key, `_rev` the revision of the newest event folded in, `_clinic` the tenant; `_subjects` are the
people whose personal fields went into it; `_gone` marks a document that is no more, whose revision must be remembered
all the same.
"""

from dataclasses import dataclass, field
from typing import Any

import bson
import structlog
from bson.errors import InvalidDocument
from bson.raw_bson import RawBSONDocument
from pydantic import BaseModel
from pymongo import InsertOne, ReplaceOne

from shared.chassis.codec import Undecodable
from shared.chassis.event_store import NO_STREAM
from shared.chassis.mongo import CODEC, MAX_DOCUMENT_BYTES, Collection, Document
from shared.chassis.parking import reason_of
from shared.events.base import Event
from shared.kernel.decider import Projection
from shared.kernel.streams import clinic_of, key_of

AnyProjection = Projection[Any, Any]
LIVING = {"_gone": {"$exists": False}}
log = structlog.get_logger(__name__)


class Unwritable(Exception):
    """A document that MongoDB cannot hold: the text says why."""


class Unreadable(Exception):
    """A stored document that is not what the view is now: the text says so without its content."""


@dataclass(slots=True)
class Folded:
    """A document on its way: `stored_rev` is what the database holds (-1: nothing), `revision` what `view` has seen."""

    stream: str
    stored_rev: int
    revision: int
    view: BaseModel | None
    subjects: set[str] = field(default_factory=set)

    def to_document(self) -> Document:
        """The document to write."""
        head: Document = {"_id": key_of(self.stream), "_rev": self.revision, "_clinic": clinic_of(self.stream)}
        if self.view is None:
            return head | {"_gone": True}
        return head | ({"_subjects": sorted(self.subjects)} if self.subjects else {}) | self.view.model_dump()

    def to_operation(self) -> InsertOne[Document] | ReplaceOne[Document]:
        """The write that takes only if the database still holds `stored_rev`. Unwritable if MongoDB could not hold it.

        Encoded here, once, so that a document which cannot be written is found before it fails a whole batch.
        """
        raw = self.to_raw()
        if self.stored_rev == NO_STREAM:
            return InsertOne(raw)
        return ReplaceOne({"_id": key_of(self.stream), "_rev": self.stored_rev}, raw)

    def to_raw(self) -> Document:
        """The document as MongoDB's bytes. Unwritable if MongoDB could not hold it."""
        try:
            raw = RawBSONDocument(bson.encode(self.to_document(), codec_options=CODEC))
        except (InvalidDocument, ValueError, OverflowError, TypeError, RecursionError) as error:
            raise Unwritable(f"not for MongoDB: {type(error).__name__}") from error
        if len(raw.raw) > MAX_DOCUMENT_BYTES:
            raise Unwritable(f"{len(raw.raw)} bytes are more than a document can have")
        return raw  # type: ignore[return-value]  # a raw document is a document

    def take(self, projection: AnyProjection, revision: int, event: Event | Undecodable | None) -> str | None:
        """Fold one event in, the next of its stream; the reason if its handler failed, and then nothing has changed.

        The one fold that the live worker and a rebuild share. None is an event of a type that this version does not
        know: it counts as seen.
        """
        if isinstance(event, Undecodable):
            return str(event)
        try:
            if event is not None and isinstance(event, projection.handles):
                self.view = projection.evolve(self.view, event)
                if subject := event.subject:
                    self.subjects.add(subject)
        except Exception as error:
            # A handler is code of ours fed with one event: its failure is parked, never raised into the stream.
            log.exception("handler failed", view=projection.collection, stream=self.stream)
            return reason_of(error)
        self.revision = revision
        return None


def folded(projection: AnyProjection, stream: str, document: Document | None) -> Folded:
    """What the database holds of a stream's document. Unreadable if it does not fit the view."""
    if document is None:
        return Folded(stream, NO_STREAM, NO_STREAM, None)
    try:
        view = None if "_gone" in document else projection.view.model_validate(document)
    except Exception as error:
        # Validators are code of ours fed with what an earlier version wrote: its failure is parked, never raised.
        raise Unreadable(f"the stored document does not fit the view, rebuild it: {reason_of(error)}") from error
    return Folded(stream, document["_rev"], document["_rev"], view, set(document.get("_subjects", ())))


async def ensure_indexes(collection: Collection, projection: AnyProjection) -> None:
    """The indexes that the projection asks for, each beginning with the clinic, and one to find a person's traces."""
    if has_personal_fields(projection):
        await collection.create_index("_subjects")
    for fields in projection.indexes:
        await collection.create_index([("_clinic", 1), *((field, 1) for field in fields)])


def has_personal_fields(projection: AnyProjection) -> bool:
    """Whether its documents may hold something of a person."""
    return any(getattr(handled, "personal_fields", ()) for handled in projection.handles)
