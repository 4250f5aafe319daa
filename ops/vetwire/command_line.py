"""What all commands share at the command line: options, the way out for people and for scripts, exit codes."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, TextIO, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.table import Table

from ops.vetwire.addresses import NoEndpoints
from ops.vetwire.asking import NotAnOperator
from ops.vetwire.installation import Installation, connected
from ops.vetwire.served import Catalogue, product
from shared.chassis import event_store, kafka, mongo
from shared.chassis.settings import UnsafeSettings
from shared.kernel.errors import RevisionMismatch

FINE, ERROR, ALARM = 0, 1, 2
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document in place of tables.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without this it only says what it would do.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="More than this needs --count as well.")]
Count = Annotated[int | None, typer.Option("--count", min=0, help="How many exactly, as the dry run said.")]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show personal data; needs an operator's token.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the audit. No personal data.")]
A = TypeVar("A", bound=BaseModel)
INFRASTRUCTURE = (
    *event_store.INFRASTRUCTURE_ERRORS,
    *kafka.INFRASTRUCTURE_ERRORS,
    *mongo.INFRASTRUCTURE_ERRORS,
    RevisionMismatch,
)


class Failure(Exception):
    """The command cannot do what was asked; the text says why. Exit code 1."""


@dataclass
class Invocation:
    """One call of the command. Tests give a catalogue of their own, a stream to write to and the loop to run in."""

    token: str | None = None
    catalogue: Catalogue | None = None
    out: TextIO = field(default_factory=lambda: sys.stdout)
    run: Callable[[Coroutine[Any, Any, Any]], Any] = asyncio.run
    code: int = FINE

    def carry_out(self, work: Callable[[Installation], Awaitable[A]]) -> A:
        """Connect, do the work, close. Raises typer.Exit(1) after saying what went wrong."""
        try:
            found: A = self.run(self._connected(work))
        except (Failure, NotAnOperator, NoEndpoints, UnsafeSettings, ValidationError) as error:
            self.fail(str(error))
        except INFRASTRUCTURE as error:
            self.fail(f"a server did not answer as hoped: {type(error).__name__}: {error}")
        else:
            return found
        raise typer.Exit(ERROR)

    async def _connected(self, work: Callable[[Installation], Awaitable[A]]) -> A:
        async with connected(self.catalogue or product(), self.token) as at:
            return await work(at)

    def fail(self, text: str) -> None:
        """Say what went wrong, where scripts do not look for the answer."""
        self.code = ERROR
        print(f"vetwire: {text}", file=sys.stderr)

    def answer(self, answer: A, as_json: bool, show: Callable[[Console, A], None], alarm: bool = False) -> None:
        """Print it; `alarm` is exit code 2."""
        self.code = ALARM if alarm else FINE
        if as_json:
            print(answer.model_dump_json(indent=2), file=self.out)
        else:
            show(Console(file=self.out, width=None if self.out.isatty() else 160), answer)


def moment(text: str) -> datetime:
    """A time that an operator gave, UTC unless it says otherwise. Failure if it is none."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(f"not a time: {text}; one is 2026-03-02T09:30:00Z") from None
    return told.replace(tzinfo=told.tzinfo or UTC)


def invocation(context: typer.Context) -> Invocation:
    """The one that this command belongs to."""
    found: Invocation = context.find_object(Invocation) or context.ensure_object(Invocation)
    return found


def table(*columns: str, title: str | None = None) -> Table:
    """In the one look that all have."""
    made = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in made.columns:
        column.overflow = "fold"
    return made


def row(to: Table, *cells: Any) -> None:
    """A line of a table: None is a dash, a time has whole seconds, and what is not text is JSON as it would be told."""
    to.add_row(*map(_cell, cells))


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case datetime():
            return clock_of(value)
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def clock_of(moment: datetime | None) -> str:
    """`2026-03-02 09:30:00Z`; a dash for none."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if moment else "-"


def many(number: int, one: str, more: str = "") -> str:
    """`1 event`, `2,000 events`; `more` where an s is not enough."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def within(affected: int, limit: int, count: int | None, what: str) -> None:
    """Raises Failure unless `affected` is within the limit, or the caller knows exactly how many there are."""
    if count is not None and count != affected:
        raise Failure(f"{affected} {what}, not {count}: look again before you change them")
    if affected > limit and count is None:
        raise Failure(f"{affected} {what} are more than {limit}: say --count {affected} if that is what you want")
