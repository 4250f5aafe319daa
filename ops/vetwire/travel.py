"""`vetwire state` and `vetwire document`: what a stream or a view's document was as of any moment."""

from datetime import datetime
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from pydantic_core import to_jsonable_python
from rich.console import Console

from ops.vetwire.audit import audited
from ops.vetwire.command_line import AsJson, Failure, Reveal, clock_of, invocation, moment
from ops.vetwire.installation import Installation
from ops.vetwire.status import chosen
from shared.chassis.time_travel import AsOf, CannotFold, Moment, document_as_of, state_as_of
from shared.kernel.streams import category_of

AtRevision = Annotated[int | None, typer.Option("--at-revision", min=0, help="With this revision of the stream.")]
AtPosition = Annotated[int | None, typer.Option("--at-position", min=0, help="With this position of the store.")]
AtTime = Annotated[str | None, typer.Option("--at-time", help="e.g. 2026-03-02T09:30:00Z; UTC if it has no zone.")]


class Past(BaseModel):
    """`personal` is hidden or shown; personal fields that are hidden are null, as those of an erased person are.

    `what` is the name of the state, or the view; the rest tells the newest event in it.
    """

    stream: str
    what: str
    revision: int
    position: int
    recorded_at: datetime
    personal: str
    value: Any


def state(
    context: typer.Context,
    stream: str,
    at_revision: AtRevision = None,
    at_position: AtPosition = None,
    at_time: AtTime = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """The state of a stream, as a command would have found it."""
    here = invocation(context)

    async def look(at: Installation) -> Past:
        when = _moment(at_revision, at_position, at_time)
        decider = at.catalogue.decider(category_of(stream))
        if decider is None:
            raise Failure(f"no service decides on streams of the category {category_of(stream)!r}")
        await _permitted(at, reveal, "state", stream)
        found = await _unless_broken(state_as_of(at.running.store, decider, stream, when, at.codec(reveal)))
        return _past(stream, type(found.value).__name__, found, reveal)

    here.answer(here.carry_out(look), as_json, _show)


def document(
    context: typer.Context,
    service: str,
    view: str,
    key: Annotated[str, typer.Argument(help="The document's key: <clinic>.<local id>")],
    at_revision: AtRevision = None,
    at_position: AtPosition = None,
    at_time: AtTime = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """A view's document, folded anew up to a moment; what the view holds now is not looked at."""
    here = invocation(context)

    async def look(at: Installation) -> Past:
        when = _moment(at_revision, at_position, at_time)
        (served,) = chosen(at, service)
        projection = served.projection(view)
        if projection is None:
            known = ", ".join(each.collection for each in served.spec.projections)
            raise Failure(f"{service} has no view {view}; it has {known}")
        stream = f"{projection.category}-{key}"
        await _permitted(at, reveal, "document", stream)
        found = await _unless_broken(document_as_of(at.running.store, projection, key, when, at.codec(reveal)))
        return _past(stream, view, found, reveal)

    here.answer(here.carry_out(look), as_json, _show)


def _moment(revision: int | None, position: int | None, time: str | None) -> Moment:
    try:
        return Moment(revision, position, moment(time) if time else None)
    except ValueError as error:
        raise Failure(str(error)) from None


async def _permitted(at: Installation, reveal: bool, command: str, stream: str) -> None:
    """Whoever looks at personal data is written down first."""
    if reveal:
        at.who.may_see_personal_data()
        async with audited(at, command, {"stream": stream, "reveal": True}, dry_run=False):
            pass


async def _unless_broken(folding: Any) -> AsOf[Any]:
    try:
        found: AsOf[Any] | None = await folding
    except CannotFold as error:
        raise Failure(f"history cannot be folded: {error}") from None
    if found is None:
        raise Failure("there was nothing then")
    return found


def _past(stream: str, what: str, found: AsOf[Any], reveal: bool) -> Past:
    return Past(
        stream=stream,
        what=what,
        revision=found.revision,
        position=found.position,
        recorded_at=found.recorded_at,
        personal="shown" if reveal else "hidden",
        value=to_jsonable_python(found.value),
    )


def _show(console: Console, found: Past) -> None:
    where = f"{found.stream}@{found.revision}  {clock_of(found.recorded_at)}  position {found.position}"
    console.print(where, highlight=False, soft_wrap=True)
    console.print(f"{found.what}, personal data {found.personal}")
    console.print_json(data=found.value)
