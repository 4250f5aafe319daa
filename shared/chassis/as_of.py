"""For operators: any document of a service's views as of a revision, a position or a time (see `time_travel`)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel

from shared.chassis.auth import Identity, clinic_access
from shared.chassis.documents import AnyProjection
from shared.chassis.endpoints import Store
from shared.chassis.event_store import EventStore
from shared.chassis.problems import Problem, not_found
from shared.chassis.time_travel import CannotFold, Moment, document_as_of

Operator = Annotated[Identity, Depends(clinic_access("operator"))]


class DocumentAsOf(BaseModel):
    """`document` has the view's fields; the rest tells the newest event in it."""

    view: str
    key: str
    revision: int
    position: int
    recorded_at: datetime
    document: dict[str, Any]


def _moment(
    revision: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
    position: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
    time: Annotated[AwareDatetime | None, Query(description="With its zone, e.g. 2026-03-02T09:30:00Z.")] = None,
) -> Moment:
    """Problem 422 `two-moments` if it is told in two ways."""
    try:
        return Moment(revision, position, time)
    except ValueError as error:
        raise Problem(422, "two-moments", "Tell one moment.", f"{error}.") from None


When = Annotated[Moment, Depends(_moment)]


def as_of_router(projections: Sequence[AnyProjection]) -> APIRouter:
    """`GET /clinics/{clinic_id}/as-of/{view}[/{local_id}]` over those views, by their collections' names.

    Without `local_id`: the document that a clinic has one of. Personal fields are those that can be decrypted today.
    Problem 404 for an unknown view and for a document that was not there then, 409 `cannot-be-folded`.
    """
    router = APIRouter(prefix="/clinics/{clinic_id}/as-of", tags=["operators"])
    known = {projection.collection: projection for projection in projections}

    @router.get("/{view}", response_model=DocumentAsOf)
    async def read_clinics_document_as_of(
        clinic_id: str, view: str, who: Operator, store: Store, moment: When, response: Response
    ) -> DocumentAsOf:
        """The document that a clinic has one of, as it was. Problem 404, 409 `cannot-be-folded`."""
        return await _found(store, known.get(view), clinic_id, moment, response)

    @router.get("/{view}/{local_id}", response_model=DocumentAsOf)
    async def read_document_as_of(
        clinic_id: str, view: str, local_id: str, who: Operator, store: Store, moment: When, response: Response
    ) -> DocumentAsOf:
        """One of a clinic's documents, as it was. Problem 404, 409 `cannot-be-folded`."""
        return await _found(store, known.get(view), f"{clinic_id}.{local_id}", moment, response)

    return router


async def _found(
    store: EventStore, projection: AnyProjection | None, key: str, moment: Moment, response: Response
) -> DocumentAsOf:
    response.headers["Cache-Control"] = "no-store"
    if projection is None:
        raise not_found()
    try:
        found = await document_as_of(store, projection, key, moment)
    except CannotFold as error:
        raise Problem(409, "cannot-be-folded", "History cannot be folded.", f"{error}.") from None
    if found is None:
        raise not_found()
    document = found.value.model_dump(mode="json")
    return DocumentAsOf(
        view=projection.collection,
        key=key,
        revision=found.revision,
        position=found.position,
        recorded_at=found.recorded_at,
        document=document,
    )
