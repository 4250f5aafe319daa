"""The command's root: where the installation is, who asks, and the groups of commands."""

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.vetwire import erase, events, outbox, parked, relay, status, topics, travel
from ops.vetwire.addresses import NoEndpoints, adopt, configuration
from ops.vetwire.command_line import ERROR, Invocation, invocation

app = typer.Typer(
    name="vetwire",
    help="Look after a Vetwire installation. Exit codes: 0 fine, 1 error, 2 alarm.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_PROJECTIONS = "ops.vetwire.projections"


@app.callback()
def root(
    context: typer.Context,
    eventstore: Annotated[str | None, typer.Option(help="esdb://... (VETWIRE_EVENTSTORE)")] = None,
    kafka: Annotated[str | None, typer.Option(help="host:port[,host:port] (VETWIRE_KAFKA)")] = None,
    mongodb: Annotated[str | None, typer.Option(help="mongodb://... (VETWIRE_MONGODB)")] = None,
    endpoints: Annotated[Path | None, typer.Option(help="endpoints.json of an embedded system")] = None,
    token: Annotated[str | None, typer.Option(envvar="VETWIRE_OPERATOR_TOKEN", help="An operator's token")] = None,
) -> None:
    """Addresses come from options, else VETWIRE_* variables, else .vetwire/endpoints.json."""
    here = invocation(context)
    here.token = token or here.token
    try:
        adopt(_configuration(eventstore, kafka, mongodb, endpoints))
    except NoEndpoints as error:
        here.fail(f"no endpoints: {error}")
        raise typer.Exit(ERROR) from None


def _configuration(
    eventstore: str | None, kafka: str | None, mongodb: str | None, endpoints: Path | None
) -> dict[str, str]:
    options = {"VETWIRE_EVENTSTORE": eventstore, "VETWIRE_KAFKA": kafka, "VETWIRE_MONGODB": mongodb}
    return configuration(options, os.environ, endpoints)


app.command("status")(status.status)
app.add_typer(events.app, name="events")
app.add_typer(parked.app, name="parked")
app.add_typer(outbox.app, name="outbox")
app.add_typer(relay.app, name="relay")
app.add_typer(topics.app, name="topics")
app.command("erase")(erase.erase)
app.command("state")(travel.state)
app.command("document")(travel.document)
if find_spec(_PROJECTIONS):
    app.add_typer(import_module(_PROJECTIONS).app, name="projections")


def run(arguments: list[str], here: Invocation | None = None) -> int:
    """The exit code. A command line that is not understood is an error like any other: 2 is for alarms."""
    here = here or Invocation()
    command: Any = typer.main.get_command(app)
    try:
        command.main(arguments, prog_name="vetwire", obj=here)
    except SystemExit as end:
        return here.code or (1 if end.code else 0)
    return here.code
