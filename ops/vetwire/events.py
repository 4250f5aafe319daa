"""`vetwire events`: streams, one stream, one event, and what led to what across all services."""

from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.json import JSON
from rich.tree import Tree

from ops.vetwire import browsing
from ops.vetwire.audit import audited
from ops.vetwire.browsing import Branch, EventShown, Reach, StreamShown
from ops.vetwire.command_line import AsJson, Failure, Reveal, clock_of, invocation, many, moment, row, table
from ops.vetwire.installation import Installation
from shared.events.envelope import StoredEvent

app = typer.Typer(help="Look into the event store. Personal data is hidden.", no_args_is_help=True)
Scan = Annotated[int, typer.Option(min=1, help="Look at so many events of the store at most.")]
Since = Annotated[str | None, typer.Option(help="Look back to this time, e.g. 2026-03-02T09:30:00Z; UTC without zone.")]


class Streams(BaseModel):
    """`complete` is false when there are more streams, or events beyond what was looked at."""

    streams: list[StreamShown]
    complete: bool


class Events(BaseModel):
    """Events of one stream, oldest first."""

    stream: str
    events: list[EventShown]


class Correlation(BaseModel):
    """Everything that one wish led to, in whatever service."""

    correlation_id: str | None
    events: int
    services: list[str]
    roots: list[Branch]


@app.command("streams")
def streams(
    context: typer.Context,
    prefix: Annotated[str, typer.Argument(help="e.g. patient-elm.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Show so many at most.")] = 100,
    scan: Scan = 1_000_000,
    as_json: AsJson = False,
) -> None:
    """Streams whose names begin with PREFIX."""
    here = invocation(context)

    async def look(at: Installation) -> Streams:
        found, complete = await browsing.streams(at, prefix, limit, scan)
        return Streams(streams=found, complete=complete)

    here.answer(here.carry_out(look), as_json, _show_streams)


def _show_streams(console: Console, found: Streams) -> None:
    lines = table("stream", "events", "newest", "at")
    for each in found.streams:
        row(lines, each.stream, each.events, each.last_type, each.last_at)
    console.print(lines)
    if not found.complete:
        console.print("and more: a longer prefix, --limit or --scan shows them", style="yellow")


@app.command("stream")
def stream(
    context: typer.Context,
    name: str,
    first: Annotated[int, typer.Option("--from", min=0, help="From this revision on.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="Show so many at most.")] = 100,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """The events of a stream."""
    here = invocation(context)

    async def look(at: Installation) -> Events:
        stored = await at.running.store.read_stored(name, first, limit)
        if not stored:
            raise Failure(f"no events in {name} from revision {first} on")
        return Events(stream=name, events=await _seen(at, stored, reveal, "events stream", stream=name))

    here.answer(here.carry_out(look), as_json, _show_events)


@app.command("event")
def event(
    context: typer.Context,
    event_id: str,
    since: Since = None,
    scan: Scan = 1_000_000,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """One event, by its id. The store has no index of ids: it is looked for from the newest event back."""
    here = invocation(context)

    async def look(at: Installation) -> EventShown:
        known = browsing.as_uuid(event_id)
        stored = await browsing.event_by_id(at, known, _reach(scan, since)) if known else None
        if stored is None:
            raise Failure(f"no event {event_id} among the newest {scan:,} of the store" + _after(since))
        return (await _seen(at, [stored], reveal, "events event", event_id=event_id))[0]

    here.answer(
        here.carry_out(look), as_json, lambda console, found: console.print_json(found.model_dump_json(indent=2))
    )


@app.command("tree")
def tree(
    context: typer.Context,
    known_id: Annotated[str, typer.Argument(metavar="ID", help="A correlation id, or that of any event of it.")],
    since: Since = None,
    scan: Scan = 1_000_000,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """What led to what, across all services."""
    here = invocation(context)

    async def look(at: Installation) -> Correlation:
        stored = await browsing.correlated(at, known_id, _reach(scan, since))
        if not stored:
            raise Failure(
                f"nothing is known of {known_id} among the newest {scan:,} events of the store{_after(since)}"
            )
        return _correlation(await _seen(at, stored, reveal, "events tree", id=known_id))

    here.answer(here.carry_out(look), as_json, _show_tree)


def _reach(scan: int, since: str | None) -> Reach:
    return Reach(scan, moment(since) if since else None)


def _after(since: str | None) -> str:
    return f" since {since}" if since else ""


def _correlation(events: list[EventShown]) -> Correlation:
    return Correlation(
        correlation_id=events[0].correlation_id,
        events=len(events),
        services=sorted({each.type.partition(".")[0] for each in events}),
        roots=browsing.tree(events),
    )


async def _seen(
    at: Installation, stored: list[StoredEvent], reveal: bool, command: str, **arguments: Any
) -> list[EventShown]:
    """What an operator sees; whoever looks at personal data is written down first."""
    if not reveal:
        return await browsing.shown(at, stored, reveal=False)
    at.who.may_see_personal_data()
    async with audited(at, command, {**arguments, "reveal": True}, dry_run=False) as counts:
        counts["events"] = len(stored)
    return await browsing.shown(at, stored, reveal=True)


def _show_events(console: Console, found: Events) -> None:
    for each in found.events:
        head = f"{found.stream}@{each.revision}  {each.type}  {clock_of(each.recorded_at)}  {each.actor or '-'}"
        console.print(head, style="bold", markup=False, highlight=False, soft_wrap=True)
        console.print("  ", JSON.from_data(each.data, indent=None).text, sep="", soft_wrap=True)


def _show_tree(console: Console, found: Correlation) -> None:
    top = Tree(f"{found.correlation_id}: {many(found.events, 'event')} of {', '.join(found.services)}")
    for root in found.roots:
        _grow(top, root)
    console.print(top, markup=False)


def _grow(above: Tree, branch: Branch) -> None:
    shown = branch.event
    where = f"{shown.stream}@{shown.revision}  {clock_of(shown.recorded_at)}  {shown.actor or '-'}"
    node = above.add(f"{shown.type}  {where}", highlight=False)
    for child in branch.led_to:
        _grow(node, child)
