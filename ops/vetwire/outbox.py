"""`vetwire outbox`: mails and texts that wait or were given up, and how to send them all the same."""

from datetime import datetime
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console

from ops.vetwire.audit import audited
from ops.vetwire.command_line import AsJson, Count, Failure, Limit, Yes, invocation, many, row, table, within
from ops.vetwire.installation import Installation
from ops.vetwire.served import Served
from ops.vetwire.status import chosen
from shared.chassis import clock
from shared.chassis.mongo import Document, journaled

app = typer.Typer(help="Effects on the world: what waits to leave, and what could not.", no_args_is_help=True)
OneService = Annotated[str | None, typer.Argument(help="One service only.")]


class Effect(BaseModel):
    """`state` is pending or failed; `due` is when it is tried next, `error` the type of what went wrong last.

    What it says and to whom is not shown: it is a person's.
    """

    service: str
    effect: str
    clinic: str
    state: str
    attempts: int
    due: datetime | None
    error: str | None
    correlation_id: str | None


class Effects(BaseModel):
    """The oldest first; `pending` and `failed` count all, also beyond the limit."""

    pending: int
    failed: int
    effects: list[Effect]


class Resent(BaseModel):
    """`effects` that had been given up are due again, or would be."""

    dry_run: bool
    service: str
    effects: int


@app.command("list")
def listed(
    context: typer.Context,
    service: OneService = None,
    limit: Annotated[int, typer.Option(min=1, help="Show so many of each service at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """What waits, and what was given up after ten attempts. Exit code 2 if there is any of the latter."""
    here = invocation(context)

    async def look(at: Installation) -> Effects:
        services = chosen(at, service)
        found = [effect for each in services for effect in await _effects(at, each, limit)]
        counts = {state: sum([await _count(at, each, state) for each in services]) for state in ("pending", "failed")}
        return Effects(effects=found, **counts)

    found = here.carry_out(look)
    here.answer(found, as_json, _show, alarm=found.failed > 0)


async def _effects(at: Installation, service: Served, limit: int) -> list[Effect]:
    wanted = {"state": {"$in": ["pending", "failed"]}}
    rows = at.database(service)["outbox"].find(wanted, {"mail": 0}).sort([("state", 1), ("due", 1)]).limit(limit)
    return [_effect(service, each) async for each in rows]


async def _count(at: Installation, service: Served, state: str) -> int:
    return await at.database(service)["outbox"].count_documents({"state": state})


def _effect(service: Served, found: Document) -> Effect:
    return Effect(
        service=service.name,
        effect=found["_id"],
        clinic=found["_clinic"],
        state=found["state"],
        attempts=found["attempts"],
        due=found.get("due") if found["state"] == "pending" else None,
        error=found.get("error"),
        correlation_id=found.get("correlation_id"),
    )


@app.command("resend")
def resend(
    context: typer.Context,
    service: Annotated[str, typer.Argument(help="Whose effects.")],
    effect: Annotated[str | None, typer.Option("--effect", help="Only this one, as `outbox list` shows it.")] = None,
    yes: Yes = False,
    limit: Limit = 100,
    count: Count = None,
    as_json: AsJson = False,
) -> None:
    """Try again, ten times more, what was given up. What has left does not leave again."""
    here = invocation(context)

    async def work(at: Installation) -> Resent:
        (served,) = chosen(at, service)
        return await _resent(at, served, effect, (yes, limit, count))

    here.answer(here.carry_out(work), as_json, _show_resent)


async def _resent(
    at: Installation, service: Served, effect: str | None, caution: tuple[bool, int, int | None]
) -> Resent:
    yes, limit, count = caution
    wanted: dict[str, Any] = {"state": "failed"} | ({"_id": effect} if effect else {})
    rows = journaled(at.database(service)["outbox"])
    found = await rows.count_documents(wanted)
    if not found:
        raise Failure(f"nothing of {service.name} was given up" + (f" as {effect}" if effect else ""))
    within(found, limit if yes else found, count, "effects")
    arguments = {"service": service.name, "effect": effect}
    async with audited(at, "outbox resend", arguments, dry_run=not yes) as counts:
        counts["effects"] = found
        if yes:
            change = {"$set": {"state": "pending", "attempts": 0, "due": clock.now()}, "$unset": {"error": 1}}
            counts["effects"] = (await rows.update_many(wanted, change)).modified_count
    return Resent(dry_run=not yes, service=service.name, effects=counts["effects"])


def _show(console: Console, found: Effects) -> None:
    lines = table("service", "effect", "clinic", "state", "attempts", "due", "error")
    for each in found.effects:
        row(lines, each.service, each.effect, each.clinic, each.state, each.attempts, each.due, each.error)
    if found.effects:
        console.print(lines, markup=False)
    console.print(f"{found.pending} wait, {found.failed} were given up", style="yellow" if found.failed else "")


def _show_resent(console: Console, found: Resent) -> None:
    what = f"{many(found.effects, 'effect')} of {found.service}"
    console.print(f"dry run: {what} would be tried again; --yes does it" if found.dry_run else f"{what} due again")
