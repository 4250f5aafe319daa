"""`vetwire status`: is everything moving?"""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console

from ops.vetwire.command_line import AsJson, Failure, invocation, row, table
from ops.vetwire.health import HandlerHealth, InstallationHealth, RelayHealth, ServiceHealth, Thresholds, alarms
from ops.vetwire.installation import Installation
from ops.vetwire.measuring import service_health
from ops.vetwire.served import Served
from shared.chassis import clock


def status(
    context: typer.Context,
    service: Annotated[str | None, typer.Argument(help="One service only.")] = None,
    max_lag_events: Annotated[int, typer.Option(help="More events behind are an alarm.")] = 1_000,
    max_lag_seconds: Annotated[float, typer.Option(help="What waits for longer is stalled: an alarm.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Relays, views, automations, parked events and outboxes of every service. Exit code 2 if something is wrong."""
    here = invocation(context)
    most = Thresholds(lag_events=max_lag_events, lag_seconds=max_lag_seconds)
    found = here.carry_out(lambda at: installation_health(at, service, most))
    here.answer(found, as_json, _show, alarm=bool(found.alarms))


async def installation_health(at: Installation, only: str | None, most: Thresholds) -> InstallationHealth:
    """All services, or one. Failure if there is none of that name."""
    services = [await service_health(at, service, most) for service in chosen(at, only)]
    return InstallationHealth(
        at=clock.now(), services=services, alarms=[alarm for each in services for alarm in alarms(each, most)]
    )


def chosen(at: Installation, only: str | None) -> tuple[Served, ...]:
    """All services, or the one that is named. Failure if there is none of that name."""
    try:
        return at.catalogue.services if only is None else (at.catalogue.service(only),)
    except KeyError:
        known = ", ".join(service.name for service in at.catalogue.services)
        raise Failure(f"no service {only}; there are {known}") from None


def _show(console: Console, found: InstallationHealth) -> None:
    lines = table("service", "what", "state", "behind", "oldest waits", "parked", "")
    for service in found.services:
        row(lines, service.service, "relay", *_relay(service.relay))
        for kind, handler in _handlers(service):
            row(lines, "", kind, *_handler(handler))
        outbox = service.outbox
        row(lines, "", "outbox", "failed" if outbox.failed else "fine", outbox.pending, "", "", _failed(outbox.failed))
    console.print(lines)
    for alarm in found.alarms:
        console.print(f"ALARM {alarm}", style="bold red", highlight=False)
    if not found.alarms:
        console.print("all is well", style="green")


def _relay(relay: RelayHealth) -> tuple[object, ...]:
    behind = f"{'>' if relay.lag_is_at_least else ''}{relay.lag_events}"
    at = "-" if relay.position is None else relay.position
    where = f"at {at} of {relay.head}, held by {relay.holder or 'nobody'}"
    return relay.state, behind, f"{relay.lag_seconds:.1f} s", "", where


def _handlers(service: ServiceHealth) -> Iterator[tuple[str, HandlerHealth]]:
    yield from (("view", each) for each in service.projections)
    yield from (("automation", each) for each in service.automations)


def _handler(handler: HandlerHealth) -> tuple[object, ...]:
    return handler.state, handler.lag_events, f"{handler.lag_seconds:.1f} s", handler.parked, handler.name


def _failed(count: int) -> str:
    return f"{count} failed" if count else ""
