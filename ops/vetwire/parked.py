"""`vetwire parked`: what handlers failed on, and how to go on."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import typer
from pydantic import BaseModel
from rich.console import Console

from ops.vetwire import browsing
from ops.vetwire.audit import audited
from ops.vetwire.browsing import EventShown
from ops.vetwire.command_line import (
    AsJson,
    Count,
    Failure,
    Limit,
    Reason,
    Reveal,
    Yes,
    invocation,
    many,
    row,
    table,
    within,
)
from ops.vetwire.installation import Installation
from ops.vetwire.parked_groups import ParkedEvent, ParkedGroup, ParkedStream, event_of, groups, parked_streams
from ops.vetwire.repair import Repair
from ops.vetwire.status import chosen

app = typer.Typer(help="Events that a handler could not handle, by what went wrong.", no_args_is_help=True)
Fingerprint = Annotated[str, typer.Argument(help="As `parked list` shows it.")]
OneStream = Annotated[str | None, typer.Option("--stream", help="Only this stream of the group.")]
Service = Annotated[str | None, typer.Option("--service", help="Only this service.")]


class Parked(BaseModel):
    """Everything that is parked."""

    events: int
    groups: list[ParkedGroup]


class Group(BaseModel):
    """A group and its events; `contents` are what failed, one for each stream, as far as they were asked for."""

    group: ParkedGroup
    events: list[ParkedEvent]
    contents: list[EventShown]


class Repaired(BaseModel):
    """What was done, or would be: `released` events of `streams`; `parked_again` of them failed once more."""

    action: Literal["retry", "discard"]
    dry_run: bool
    fingerprint: str
    streams: int
    released: int
    discarded: int
    parked_again: int


@app.command("list")
def listed(context: typer.Context, service: Service = None, as_json: AsJson = False) -> None:
    """The groups, by fingerprint. Exit code 2 if there are any."""
    here = invocation(context)

    async def look(at: Installation) -> Parked:
        found = groups(await parked_streams(at, chosen(at, service)))
        return Parked(events=sum(group.events for group in found), groups=found)

    found = here.carry_out(look)
    here.answer(found, as_json, _show_groups, alarm=found.events > 0)


@app.command("show")
def show(
    context: typer.Context,
    fingerprint: Fingerprint,
    limit: Annotated[int, typer.Option(min=1, help="Show so many at most.")] = 50,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """The events of a group, and what those that failed hold."""
    here = invocation(context)

    async def look(at: Installation) -> Group:
        found = await _group(at, fingerprint, None)
        if reveal:
            at.who.may_see_personal_data()
            async with audited(at, "parked show", {"fingerprint": fingerprint, "reveal": True}, dry_run=False):
                pass
        return await _shown(at, found, limit, reveal)

    here.answer(here.carry_out(look), as_json, _show_group)


async def _shown(at: Installation, found: list[ParkedStream], limit: int, reveal: bool) -> Group:
    read = at.running.store.read_stored
    heads = [event for each in found[:limit] for event in await read(each.stream, each.head["revision"], 1)]
    return Group(
        group=groups(found)[0],
        events=[event_of(row) for each in found for row in each.rows][:limit],
        contents=await browsing.shown(at, heads, reveal),
    )


@app.command("retry")
def retry(
    context: typer.Context,
    fingerprint: Fingerprint,
    stream: OneStream = None,
    yes: Yes = False,
    limit: Limit = 100,
    count: Count = None,
    as_json: AsJson = False,
) -> None:
    """Release a group and handle its events at once. Exit code 2 if some are parked again."""
    here = invocation(context)

    async def work(at: Installation) -> Repaired:
        return await _repaired(at, "retry", fingerprint, stream, (yes, limit, count), Repair(at).retry)

    found = here.carry_out(work)
    here.answer(found, as_json, _show_repaired, alarm=found.parked_again > 0)


@app.command("discard")
def discard(
    context: typer.Context,
    fingerprint: Fingerprint,
    reason: Reason,
    stream: OneStream = None,
    yes: Yes = False,
    limit: Limit = 100,
    count: Count = None,
    as_json: AsJson = False,
) -> None:
    """Step over the events of a group that failed and go on behind them. They are kept in `discarded`."""
    here = invocation(context)

    async def work(at: Installation) -> Repaired:
        async def step_over(found: list[ParkedStream]) -> int:
            return await Repair(at).discard(found, reason)

        return await _repaired(at, "discard", fingerprint, stream, (yes, limit, count), step_over, reason)

    found = here.carry_out(work)
    here.answer(found, as_json, _show_repaired, alarm=found.parked_again > 0)


async def _repaired(
    at: Installation,
    action: Literal["retry", "discard"],
    fingerprint: str,
    stream: str | None,
    caution: tuple[bool, int, int | None],
    work: Callable[[list[ParkedStream]], Awaitable[int]],
    reason: str | None = None,
) -> Repaired:
    yes, limit, count = caution
    found = await _group(at, fingerprint, stream)
    events = sum(len(each.rows) for each in found)
    within(events, limit if yes else events, count, "events")
    arguments = {"fingerprint": fingerprint, "stream": stream}
    async with audited(at, f"parked {action}", arguments, dry_run=not yes, reason=reason) as counts:
        counts |= {"streams": len(found), "events": events}
        again = await work(found) if yes else 0
        counts["parked_again"] = again
    return Repaired(
        action=action,
        dry_run=not yes,
        fingerprint=fingerprint,
        streams=len(found),
        released=events,
        discarded=len(found) if action == "discard" else 0,
        parked_again=again,
    )


async def _group(at: Installation, fingerprint: str, stream: str | None) -> list[ParkedStream]:
    parked = await parked_streams(at, at.catalogue.services)
    found = [each for each in parked if each.fingerprint == fingerprint and stream in (None, each.stream)]
    if not found:
        raise Failure(f"nothing is parked as {fingerprint}" + (f" in {stream}" if stream else ""))
    return found


def _show_groups(console: Console, found: Parked) -> None:
    lines = table("fingerprint", "service", "handler", "type", "reason", "streams", "events", "tried", "first", "last")
    for each in found.groups:
        where = (each.fingerprint, each.service, each.handler, each.type, each.reason)
        row(lines, *where, each.streams, each.events, each.attempts, each.first_at, each.last_at)
    console.print(lines if found.groups else "nothing is parked", markup=False)


def _show_group(console: Console, found: Group) -> None:
    _show_groups(console, Parked(events=found.group.events, groups=[found.group]))
    lines = table("event", "stream", "revision", "reason", "tried")
    for each in found.events:
        row(lines, each.event_id, each.stream, each.revision, each.reason, each.attempts)
    console.print(lines, markup=False)
    for content in found.contents:
        console.print_json(data=_fields(content))


def _fields(content: EventShown) -> Any:
    return {"stream": content.stream, "revision": content.revision, "personal": content.personal, "data": content.data}


def _show_repaired(console: Console, found: Repaired) -> None:
    verb = {"retry": "released", "discard": "stepped over"}[found.action]
    what = f"{many(found.released, 'event')} of {many(found.streams, 'stream')}"
    if found.dry_run:
        console.print(f"dry run: {what} would be {verb}; --yes does it")
    else:
        done = f"{what} {verb}, {found.parked_again} parked again"
        console.print(done, style="yellow" if found.parked_again else "green")
