"""Who did what: an event for every command that changes something or shows personal data."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

from ops.vetwire.installation import Installation
from shared.chassis import clock
from shared.chassis.event_store import NO_STREAM, Append
from shared.events.envelope import Metadata
from shared.events.ops import OPERATOR_LOG, OperatorActed, Outcome
from shared.kernel.errors import RevisionMismatch

_ATTEMPTS = 20


@asynccontextmanager
async def audited(
    at: Installation, command: str, arguments: Mapping[str, object], dry_run: bool, reason: str | None = None
) -> AsyncIterator[dict[str, int]]:
    """Carries out the block and writes down how it ended; the block fills in the counts.

    The event store is asked first: what could not be written down is not done. `arguments` that are None or False
    are left out, and none may be personal data.
    """
    await at.running.store.last(OPERATOR_LOG)
    counts: dict[str, int] = {}
    outcome: Outcome = "failed"
    try:
        yield counts
        outcome = "done"
    finally:
        told = {name: str(value) for name, value in arguments.items() if value is not None and value is not False}
        acted = OperatorActed(
            operator=at.who.name,
            known_by=at.who.known_by,
            command=command,
            arguments=told,
            reason=reason,
            dry_run=dry_run,
            outcome=outcome,
            counts=counts,
            acted_at=clock.now(),
        )
        await _append(at, acted)


async def told_in(at: Installation) -> str | None:
    """Where the log tells of what was asked for just now, `<stream>@<revision>`; None if that is 100 others ago."""
    newest = await at.running.store.last(OPERATOR_LOG)
    first = max(0, newest.revision - 100) if newest else 0
    written = reversed(await at.running.store.read(OPERATOR_LOG, first))
    mine = (each for each in written if each.metadata.correlation_id == at.correlation_id)
    found = next(mine, None)
    return f"{found.stream}@{found.revision}" if found else None


async def _append(at: Installation, acted: OperatorActed) -> None:
    """At the end of the log, wherever that is by now. RevisionMismatch if others write all the time."""
    context = at.context()
    event_id = UUID(clock.new_id())
    for attempt in range(_ATTEMPTS):
        newest = await at.running.store.last(OPERATOR_LOG)
        expected = newest.revision if newest else NO_STREAM
        metadata: Metadata = context.metadata()
        try:
            await at.running.store.append(Append(OPERATOR_LOG, expected, [(event_id, acted)], metadata))
        except RevisionMismatch:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return
