"""`vetwire relay`: how far a service's events have got to Kafka, and how to publish some of them again."""

from contextlib import aclosing
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console

from ops.vetwire.audit import audited
from ops.vetwire.command_line import AsJson, Count, Failure, Limit, Yes, invocation, many, row, table, within
from ops.vetwire.health import RelayHealth, Thresholds
from ops.vetwire.installation import Installation
from ops.vetwire.measuring import relay_health
from ops.vetwire.progress import telling
from ops.vetwire.served import Served
from ops.vetwire.status import chosen
from shared.chassis import clock
from shared.chassis.lease import Lease
from shared.chassis.relay import own_types

app = typer.Typer(help="The way of events from the store to Kafka.", no_args_is_help=True)


class Relays(BaseModel):
    """By service."""

    relays: dict[str, RelayHealth]


class Rewound(BaseModel):
    """`events` after `position` are published once more; readers drop what they have seen."""

    service: str
    dry_run: bool
    from_position: int
    position: int
    events: int


@app.command("status")
def status(
    context: typer.Context,
    service: Annotated[str | None, typer.Argument(help="One service only.")] = None,
    max_lag_seconds: Annotated[float, typer.Option(help="What waits for longer is stalled: an alarm.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Position, head, lag and holder of every relay. Exit code 2 if one is stalled."""
    here = invocation(context)
    most = Thresholds(lag_events=0, lag_seconds=max_lag_seconds)

    async def look(at: Installation) -> Relays:
        return Relays(relays={each.name: await relay_health(at, each, most) for each in chosen(at, service)})

    found = here.carry_out(look)
    here.answer(found, as_json, _show, alarm=any(relay.state == "stalled" for relay in found.relays.values()))


@app.command("rewind")
def rewind(
    context: typer.Context,
    service: str,
    to: Annotated[int, typer.Option("--to", min=0, help="Commit position; 0 is the beginning of history.")],
    yes: Yes = False,
    limit: Limit = 1_000,
    count: Count = None,
    as_json: AsJson = False,
) -> None:
    """Publish everything after a position again. The relay that runs is fenced, and the next one starts there."""
    here = invocation(context)

    async def work(at: Installation) -> Rewound:
        (served,) = chosen(at, service)
        return await _rewound(at, served, to, yes, limit, count)

    here.answer(here.carry_out(work), as_json, _show_rewound)


async def _rewound(at: Installation, service: Served, to: int, yes: bool, limit: int, count: int | None) -> Rewound:
    known = await at.database(service)["relay"].find_one({"_id": "relay"}) or {}
    position = known.get("position")
    if position is None or to > position:
        raise Failure(f"the relay of {service.name} is at {position}: forward it goes by itself")
    events = await _published_between(at, service, to, position)
    within(events, limit if yes else events, count, "events")
    arguments = {"service": service.name, "from": position, "to": to}
    async with audited(at, "relay rewind", arguments, dry_run=not yes) as counts:
        counts["events"] = events
        if yes:
            await _fence_and_move(at, service, to)
    return Rewound(service=service.name, dry_run=not yes, from_position=position, position=to, events=events)


async def _published_between(at: Installation, service: Served, after: int, until: int) -> int:
    """How many events leave again."""
    leaving = {event.type_name for event in service.spec.published}
    count = 0
    with telling(f"relay {service.name}") as progress:
        async with aclosing(at.running.store.scan(after, types=own_types(service.name))) as found:
            async for event in found:
                if event.position > until:
                    break
                count += event.type in leaving
                progress.tell("events", count, (event.position - after) / (until - after))
    return count


async def _fence_and_move(at: Installation, service: Served, to: int) -> None:
    """From the moment the lease is ours, whoever held it can store no position any more."""
    lease = Lease(at.database(service)["relay"], "relay", f"operator/{at.who.name}/{clock.new_id()}")
    await lease.take()
    try:
        await lease.save({"position": to})
    finally:
        await lease.release()


def _show(console: Console, found: Relays) -> None:
    lines = table("service", "state", "position", "head", "behind", "oldest waits", "lease", "holder")
    for name, relay in found.relays.items():
        behind = f"{'>' if relay.lag_is_at_least else ''}{relay.lag_events}"
        where = (relay.state, relay.position, relay.head, behind, f"{relay.lag_seconds:.1f} s")
        row(lines, name, *where, relay.lease, relay.holder)
    console.print(lines, markup=False)


def _show_rewound(console: Console, found: Rewound) -> None:
    way = f"{found.service} from {found.from_position} to {found.position}: {many(found.events, 'event')}"
    console.print(f"dry run: {way} would be published again; --yes does it" if found.dry_run else f"{way} leave again")
