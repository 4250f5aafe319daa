"""Load, decide, append: races, retries and stale writers (design 3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from shared.chassis.commands import ATTEMPTS, Context, handle
from shared.chassis.event_store import Append
from shared.events.envelope import Actor
from shared.events.pims_sync import SyncRunAbandoned
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused, RevisionMismatch
from shared.testing.clocks import NOON
from shared.testing.memory import MemoryEventStore

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Abandon:
    run_id: str


def abandoned(run_id: str) -> SyncRunAbandoned:
    return SyncRunAbandoned(clinic_id="elm", run_id=run_id, reason="r", abandoned_at=NOON)


def decide(command: Abandon, known: tuple[str, ...]) -> Sequence[SyncRunAbandoned]:
    if command.run_id == "never":
        raise Refused("not-that-one")
    return [] if command.run_id in known else [abandoned(command.run_id)]


DECIDER = Decider[Abandon, SyncRunAbandoned, tuple[str, ...]](
    "feed", (), decide, lambda known, event: (*known, event.run_id)
)
CONTEXT = Context("elm", Actor(kind="pims", id="p"), UUID(int=1), "c", NOON, "cause", "00-trace")


def other(number: int) -> Context:
    return replace(CONTEXT, command_id=UUID(int=number))


async def test_a_decision_is_appended_with_its_context() -> None:
    store = MemoryEventStore()
    handled = await handle(store, DECIDER, "1", Abandon("a"), CONTEXT)
    [recorded] = await store.recorded("feed-elm.1")
    assert (handled.stream, handled.revision, handled.state) == ("feed-elm.1", 0, ("a",))
    assert recorded.metadata == CONTEXT.metadata()


async def test_a_retry_writes_nothing_and_gets_the_first_answer() -> None:
    store = MemoryEventStore()
    first = await handle(store, DECIDER, "1", Abandon("a"), CONTEXT)
    await handle(store, DECIDER, "1", Abandon("b"), other(2))
    assert await handle(store, DECIDER, "1", Abandon("a"), CONTEXT) == first
    assert len(store.log) == 2


async def test_a_repeated_wish_changes_nothing() -> None:
    store = MemoryEventStore()
    await handle(store, DECIDER, "1", Abandon("a"), CONTEXT)
    again = await handle(store, DECIDER, "1", Abandon("a"), other(2))
    assert (again.revision, again.events, len(store.log)) == (0, (), 1)


async def test_a_refusal_appends_nothing() -> None:
    store = MemoryEventStore()
    with pytest.raises(Refused, match="not-that-one"):
        await handle(store, DECIDER, "1", Abandon("never"), CONTEXT)
    assert store.log == []


@pytest.mark.parametrize("stale", [0, 5])
async def test_if_match_must_be_the_revision_there_is(stale: int) -> None:
    store = MemoryEventStore()
    await handle(store, DECIDER, "1", Abandon("a"), CONTEXT)
    await handle(store, DECIDER, "1", Abandon("b"), other(2))
    with pytest.raises(RevisionMismatch):
        await handle(store, DECIDER, "1", Abandon("c"), other(3), if_match=stale)
    assert (await handle(store, DECIDER, "1", Abandon("c"), other(3), if_match=1)).revision == 2


class Contended(MemoryEventStore):
    """Somebody else is faster, as often as told."""

    def __init__(self, races: int) -> None:
        super().__init__()
        self.races = races

    async def append(self, append: Append, timeout: float = 10.0) -> int:
        left, self.races = self.races, 0
        if left:
            await self.given(append.stream, abandoned(f"other-{left}"))
            self.races = left - 1
        return await super().append(append, timeout)


async def test_a_lost_race_is_decided_again_on_the_newer_state() -> None:
    store = Contended(races=ATTEMPTS - 1)
    store_before = store.races
    handled = await handle(store, DECIDER, "1", Abandon("a"), CONTEXT)
    assert handled.revision == store_before
    assert handled.state[-1] == "a"


async def test_a_race_that_is_never_won_ends() -> None:
    store = Contended(races=2 * ATTEMPTS)
    with pytest.raises(RevisionMismatch):
        await handle(store, DECIDER, "1", Abandon("a"), CONTEXT)


async def test_with_if_match_a_race_is_not_run_again() -> None:
    store = Contended(races=0)
    await handle(store, DECIDER, "1", Abandon("a"), CONTEXT)
    store.races = 1
    with pytest.raises(RevisionMismatch):
        await handle(store, DECIDER, "1", Abandon("b"), other(2), if_match=0)
