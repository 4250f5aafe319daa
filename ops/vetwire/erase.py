"""`vetwire erase`: a person's key destroyed, the views without them, and a receipt that says so service by service."""

import asyncio
from datetime import datetime
from time import monotonic
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console

from ops.vetwire.audit import audited, told_in
from ops.vetwire.command_line import AsJson, Count, Failure, Limit, Yes, clock_of, invocation, row, table, within
from ops.vetwire.installation import Installation
from ops.vetwire.progress import telling
from ops.vetwire.served import Erase, Served, maintained_by
from shared.chassis import clock, outbox
from shared.chassis.commands import Handled
from shared.chassis.documents import has_personal_fields
from shared.chassis.mongo import Collection, journaled
from shared.events.base import REGISTRY

_POLL_SECONDS = 0.5


class ServiceReceipt(BaseModel):
    """`held` documents and unsent mails had something of the person, `holds` have it still.

    null: it was not yet looked at again.
    """

    service: str
    held: int
    holds: int | None
    confirmed_at: datetime | None


class Receipt(BaseModel):
    """`event`, `<stream>@<revision>`, proves the erasure: the service's own, else that of the operator log.

    Workers sweep until ten minutes after `key_destroyed_at`, for what was read with a key that was still remembered.
    """

    subject: str
    dry_run: bool
    had_key: bool
    key_destroyed_at: datetime | None
    event: str | None
    services: list[ServiceReceipt]
    complete: bool


def erase(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(help="e.g. client:elm.42 or account:<id>, as in events")],
    yes: Yes = False,
    limit: Limit = 100,
    count: Count = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the views.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Erase a person for ever. Exit code 2 if a view still holds something of them in the end."""
    here = invocation(context)

    async def work(at: Installation) -> Receipt:
        return await _erased(at, subject, yes, limit, count, wait)

    found = here.carry_out(work)
    here.answer(found, as_json, _show, alarm=not found.dry_run and not found.complete)


async def _erased(at: Installation, subject: str, yes: bool, limit: int, count: int | None, wait: float) -> Receipt:
    _known_kind(subject)
    held = {service.name: await _held(at, service, subject) for service in at.catalogue.services}
    documents = sum(held.values())
    within(documents, limit if yes else documents, count, "documents")
    had_key = bool(await at.running.keys.existing([subject]))
    async with audited(at, "erase", {"subject": subject}, dry_run=not yes) as counts:
        counts |= {"documents": documents, "keys": int(had_key)}
        if not yes:
            return _receipt(subject, had_key, held, None, None, {})
        handled = await _destroyed(at, subject)
        destroyed_at = clock.now()
        confirmed = await _without(at, subject, wait)
        counts["left"] = sum(holds for holds, _ in confirmed.values())
    told = f"{handled.stream}@{handled.revision}" if handled else await told_in(at)
    return _receipt(subject, had_key, held, destroyed_at, told, confirmed)


def _known_kind(subject: str) -> None:
    """Failure for what no event could name: a typing error would bury a key that nobody has."""
    kind, _, name = subject.partition(":")
    kinds = {event.subject_template.partition(":")[0] for event in REGISTRY.values() if event.subject_template}
    if kind not in kinds or not name:
        raise Failure(f"no data subject is called like {subject!r}; there are {', '.join(sorted(kinds))}:<name>")


async def _destroyed(at: Installation, subject: str) -> Handled | None:
    """The key and, if a service knows the person, its event; every service's workers are told to sweep."""
    kind, _, name = subject.partition(":")
    handled = None
    for service in at.catalogue.services:
        erase_it: Erase | None = service.erasers.get(kind)
        if erase_it is not None:
            handled = await erase_it(at.runtime_of(service), name, at.context()) or handled
    await at.running.keys.erase(subject)
    for service in at.catalogue.services:
        erasures = journaled(at.database(service)["erasures"])
        await erasures.update_one({"_id": subject}, {"$set": {"at": clock.now()}}, upsert=True)
    return handled


async def _without(at: Installation, subject: str, wait: float) -> dict[str, tuple[int, datetime]]:
    """Fold anew until nothing is left or the time is over: for each service what it holds, and when that was seen."""
    until = monotonic() + wait
    found: dict[str, tuple[int, datetime]] = {}
    services = at.catalogue.services
    with telling(f"erase {subject}") as progress:
        while True:
            for service in services:
                if found.get(service.name, (1, None))[0]:
                    await _fold_anew(at, service, subject)
                    found[service.name] = (await _held(at, service, subject), clock.now())
                clean = sum(not holds for holds, _ in found.values())
                progress.tell("services without them", clean, clean / len(services))
            if clean == len(services) or monotonic() > until:
                return found
            await asyncio.sleep(_POLL_SECONDS)


async def _fold_anew(at: Installation, service: Served, subject: str) -> None:
    maintained = maintained_by(service, at.runtime_of(service))
    await outbox.erase(at.database(service), subject)
    async with maintained.window():
        for projector in maintained.projectors:
            await projector.fold_anew(subject)


async def _held(at: Installation, service: Served, subject: str) -> int:
    """How many documents, of all versions of the service's views, and unsent mails hold something of the person."""
    maintained = maintained_by(service, at.runtime_of(service))
    mails = await at.database(service)["outbox"].count_documents(outbox.content_about(subject))
    async with maintained.window():
        collections: list[Collection] = [
            at.database(service)[projector.name]
            for projector in maintained.projectors
            if has_personal_fields(projector.projection)
        ]
        return mails + sum([await each.count_documents({"_subjects": subject}) for each in collections])


def _receipt(
    subject: str,
    had_key: bool,
    held: dict[str, int],
    destroyed_at: datetime | None,
    told: str | None,
    confirmed: dict[str, tuple[int, datetime]],
) -> Receipt:
    nothing: tuple[None, None] = (None, None)
    lines = [(name, count, *confirmed.get(name, nothing)) for name, count in held.items()]
    return Receipt(
        subject=subject,
        dry_run=destroyed_at is None,
        had_key=had_key,
        key_destroyed_at=destroyed_at,
        event=told,
        services=[ServiceReceipt(service=n, held=h, holds=s, confirmed_at=t) for n, h, s, t in lines],
        complete=bool(confirmed) and not any(holds for holds, _ in confirmed.values()),
    )


def _show(console: Console, found: Receipt) -> None:
    key = "has a key" if found.had_key else "has no key (never had one, or was erased before)"
    console.print(f"{found.subject} {key}", highlight=False)
    lines = table("service", "documents held", "hold still", "confirmed at")
    for each in found.services:
        row(lines, each.service, each.held, each.holds, each.confirmed_at)
    console.print(lines)
    if found.dry_run:
        console.print("dry run: the key would be destroyed, for ever; --yes does it")
    else:
        when, where = clock_of(found.key_destroyed_at), found.event or "no stream"
        console.print(f"key destroyed at {when}, told in {where}", markup=False, highlight=False)
        console.print("complete" if found.complete else "NOT COMPLETE: run it again", style="bold")
