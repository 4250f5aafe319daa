"""`vetwire projections`: views and their versions; rebuild one beside the other, compare, switch, go back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

import typer

from ops.vetwire import projections_shown as shown
from ops.vetwire.audit import audited
from ops.vetwire.command_line import AsJson, Failure, Yes, invocation
from ops.vetwire.installation import Installation
from ops.vetwire.progress import telling
from ops.vetwire.projections_shown import (
    DiffShown,
    DroppedShown,
    RebuildShown,
    SwitchShown,
    VerifyShown,
    ViewShown,
    ViewsShown,
)
from ops.vetwire.served import Served
from ops.vetwire.status import chosen
from shared.chassis.comparing import diff
from shared.chassis.documents import AnyProjection
from shared.chassis.history import NotAllThere, Source, history
from shared.chassis.rebuild import DOCUMENTS_IN_MEMORY, Rebuild
from shared.chassis.switching import NotPossible, back_target, control, drop, drop_target, switch, switch_target
from shared.chassis.verifying import verify
from shared.chassis.versions import Control, Version

app = typer.Typer(help="Views and their versions: rebuild, compare, switch, go back.", no_args_is_help=True)
View = Annotated[str, typer.Argument(help="<service>/<view>, as `projections list` shows it.")]
To = Annotated[int | None, typer.Option("--to", help="A version's number; default: the newest ready one.")]
From = Annotated[Literal["auto", "kafka", "store"], typer.Option("--from", help="Where history is read.")]
Memory = Annotated[int, typer.Option("--documents", min=1, help="Hold so many in memory; more take more passes.")]
AtOnce = Annotated[bool, typer.Option("--at-once", help="Though readers left it less than 15 minutes ago.")]
Every = Annotated[int, typer.Option("--every", min=1, help="One document in so many; 1: all, and what is missing.")]


Clinic = Annotated[str | None, typer.Option("--clinic", help="Only this clinic's documents.")]


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (NotPossible, NotAllThere) as refusal:
        raise Failure(str(refusal)) from None


def _found(at: Installation, view: str) -> tuple[Served, AnyProjection]:
    service_name, _, collection = view.partition("/")
    [service] = chosen(at, service_name)
    projection = service.projection(collection)
    if projection is None:
        known = ", ".join(f"{service.name}/{each.collection}" for each in service.spec.projections)
        raise Failure(f"no view {view}; there are {known}")
    return service, projection


@app.command("list")
def listed(
    context: typer.Context,
    service: Annotated[str | None, typer.Option("--service", help="Only this service.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every view and its versions."""
    here = invocation(context)

    async def look(at: Installation) -> ViewsShown:
        views = [(served, p) for served in chosen(at, service) for p in served.spec.projections]
        return ViewsShown(views=[await _view(at, served, projection) for served, projection in views])

    here.answer(here.carry_out(look), as_json, shown.show_views)


async def _view(at: Installation, service: Served, projection: AnyProjection) -> ViewShown:
    db = at.database(service)
    known = await control(db, projection.collection)
    counts = {n: await db[v.collection].estimated_document_count() for n, v in known.versions.items()}
    parked = {n: await db["parked"].count_documents({"handler": v.collection}) for n, v in known.versions.items()}
    return shown.view_shown(f"{service.name}/{projection.collection}", known, counts, parked)


@app.command("rebuild")
def rebuild(
    context: typer.Context,
    view: View,
    source: From = "auto",
    documents: Memory = DOCUMENTS_IN_MEMORY,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Build a new version beside the live one, or go on with one that was interrupted. Exit code 2: events parked."""
    here = invocation(context)
    asked: Source | None = None if source == "auto" else source

    async def work(at: Installation) -> RebuildShown:
        service, projection = _found(at, view)
        with _refusals():
            async with audited(at, "projections rebuild", {"view": view, "from": source}, dry_run=not yes) as counts:
                if not yes:
                    return await _would_rebuild(at, service, projection, asked)
                with telling(view) as progress:
                    building = Rebuild(at.runtime_of(service), projection, asked, documents, progress.rebuilt)
                    result = await building.run()
                counts |= {"events": result.events, "documents": result.documents, "parked": result.parked}
        return shown.rebuild_shown(view, result)

    found = here.carry_out(work)
    here.answer(found, as_json, shown.show_rebuild, alarm=found.parked_streams > 0)


async def _would_rebuild(
    at: Installation, service: Served, projection: AnyProjection, asked: Source | None
) -> RebuildShown:
    known = await control(at.database(service), projection.collection)
    past = await history(at.runtime_of(service), projection, asked)
    halfway = next((v.number for v in known.versions.values() if v.state == "building"), None)
    view = f"{service.name}/{projection.collection}"
    return RebuildShown(dry_run=True, view=view, version=halfway, source=past.source, events=past.total)


@app.command("diff")
def compare(context: typer.Context, view: View, to: To = None, clinic: Clinic = None, as_json: AsJson = False) -> None:
    """The active version against another one: added, lost, changed. Exit code 2 if they differ."""
    here = invocation(context)

    async def look(at: Installation) -> DiffShown:
        service, projection = _found(at, view)
        db = at.database(service)
        known = await control(db, projection.collection)
        with _refusals():
            other = switch_target(known, to)
        with telling(view) as progress:
            found = await diff(db, known.collection, other.collection, clinic, progress.tell)
        return shown.diff_shown(view, known.active, other.number, found)

    found = here.carry_out(look)
    here.answer(found, as_json, shown.show_diff, alarm=bool(found.added or found.lost or found.changed))


@app.command("switch")
def switch_to(context: typer.Context, view: View, to: To = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Let readers read another version. Views stand still for about a second; no read fails or goes back."""
    here = invocation(context)

    async def work(at: Installation) -> SwitchShown:
        return await _switched(at, view, "switch", yes, lambda known: switch_target(known, to))

    here.answer(here.carry_out(work), as_json, shown.show_switch)


@app.command("back")
def back(context: typer.Context, view: View, yes: Yes = False, as_json: AsJson = False) -> None:
    """Let readers read the version before the last switch again."""
    here = invocation(context)

    async def work(at: Installation) -> SwitchShown:
        return await _switched(at, view, "back", yes, back_target)

    here.answer(here.carry_out(work), as_json, shown.show_switch)


async def _switched(at: Installation, view: str, action: str, yes: bool, target: shown.Target) -> SwitchShown:
    service, projection = _found(at, view)
    db = at.database(service)
    with _refusals():
        known: Control = await control(db, projection.collection)
        to: Version = target(known)
        arguments = {"view": view, "from": known.active, "to": to.number}
        async with audited(at, f"projections {action}", arguments, dry_run=not yes):
            if yes:
                await switch(db, projection.collection, to.number)
    return SwitchShown(dry_run=not yes, view=view, before=known.active, after=to.number)


@app.command("drop")
def drop_version(
    context: typer.Context,
    view: View,
    number: Annotated[int, typer.Argument(help="The version's number; never the active one.")],
    at_once: AtOnce = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove a version and what is parked for it."""
    here = invocation(context)

    async def work(at: Installation) -> DroppedShown:
        service, projection = _found(at, view)
        db = at.database(service)
        with _refusals():
            known = await control(db, projection.collection)
            version = drop_target(known, number, at_once)
            documents = await db[version.collection].estimated_document_count()
            arguments = {"view": view, "version": number}
            async with audited(at, "projections drop", arguments, dry_run=not yes) as counts:
                counts["documents"] = documents
                if yes:
                    await drop(db, projection.collection, number, at_once)
        return DroppedShown(dry_run=not yes, view=view, version=number, documents=documents)

    here.answer(here.carry_out(work), as_json, shown.show_dropped)


@app.command("verify")
def verify_view(
    context: typer.Context, view: View, every: Every = 1, clinic: Clinic = None, as_json: AsJson = False
) -> None:
    """The active version's documents against a fresh fold of their streams. Exit code 2 if something is wrong."""
    here = invocation(context)

    async def look(at: Installation) -> VerifyShown:
        service, projection = _found(at, view)
        db = at.database(service)
        active = (await control(db, projection.collection)).collection
        with telling(view) as progress:
            found = await verify(at.running.store, db[active], projection, every, clinic, progress.tell)
        return shown.verify_shown(view, found)

    found = here.carry_out(look)
    here.answer(found, as_json, shown.show_verify, alarm=bool(found.wrong or found.failed or found.missing))
