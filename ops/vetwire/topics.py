"""`vetwire topics`: the broker's topics against what they are to be."""

from dataclasses import asdict

import typer
from pydantic import BaseModel
from rich.console import Console

from ops.vetwire.audit import audited
from ops.vetwire.command_line import AsJson, Failure, Yes, invocation, row, table
from ops.vetwire.installation import Installation
from shared.chassis.kafka import ensure_topics
from shared.chassis.topic_settings import Difference, differences, set_settings

app = typer.Typer(help="Kafka's topics: partitions and settings.", no_args_is_help=True)


class Differing(BaseModel):
    """`what` is topic, partitions or setting; `found` is null where the broker has nothing."""

    topic: str
    what: str
    name: str
    wanted: str
    found: str | None


class Checked(BaseModel):
    """How many topics there are to be, and where the broker differs."""

    topics: int
    differences: list[Differing]


class Applied(BaseModel):
    """What was changed, or would be."""

    dry_run: bool
    created: list[str]
    set: list[str]


@app.command("check")
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Compare. Exit code 2 if something differs."""
    here = invocation(context)
    found = here.carry_out(_checked)
    here.answer(found, as_json, _show, alarm=bool(found.differences))


async def _checked(at: Installation) -> Checked:
    found = await _found(at)
    return Checked(topics=len(at.catalogue.topics), differences=[Differing(**asdict(each)) for each in found])


async def _found(at: Installation) -> list[Difference]:
    return await differences(at.running.settings.brokers, at.catalogue.topics)


@app.command("apply")
def apply(context: typer.Context, yes: Yes = False, as_json: AsJson = False) -> None:
    """Create what is missing and set what differs. Partitions stay: more of them would break the order of streams."""
    here = invocation(context)

    async def work(at: Installation) -> Applied:
        found = await _found(at)
        if wrong := [each.topic for each in found if each.what == "partitions"]:
            raise Failure(
                f"{', '.join(wrong)}: the number of partitions differs; make the topic anew (docs/operations)"
            )
        return await _applied(at, found, yes)

    here.answer(here.carry_out(work), as_json, _show_applied)


async def _applied(at: Installation, found: list[Difference], yes: bool) -> Applied:
    bootstrap, settings = at.running.settings.brokers, at.running.settings
    missing = {each.topic for each in found if each.what == "topic"}
    differing = {each.topic for each in found if each.what == "setting"}
    async with audited(at, "topics apply", {}, dry_run=not yes) as counts:
        counts |= {"created": len(missing), "set": len(differing)}
        if yes:
            wanted = [topic for topic in at.catalogue.topics if topic.name in missing]
            await ensure_topics(bootstrap, wanted, settings.kafka_replication)
            await set_settings(bootstrap, [topic for topic in at.catalogue.topics if topic.name in differing])
    return Applied(dry_run=not yes, created=sorted(missing), set=sorted(differing))


def _show(console: Console, found: Checked) -> None:
    lines = table("topic", "what", "name", "wanted", "found")
    for each in found.differences:
        row(lines, each.topic, each.what, each.name, each.wanted, each.found)
    console.print(lines if found.differences else f"{found.topics} topics are as they are to be", markup=False)


def _show_applied(console: Console, found: Applied) -> None:
    what = f"create {', '.join(found.created) or 'nothing'}; set {', '.join(found.set) or 'nothing'}"
    console.print(f"dry run: {what}; --yes does it" if found.dry_run else f"done: {what}", markup=False)
