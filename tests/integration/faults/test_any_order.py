"""Whatever a projector is fed, a document is the fold of its stream as far as it says (reliability B.2, test 4; I3)."""

import asyncio
import random
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from shared.chassis.documents import folded
from shared.chassis.projections import Arrival, Projector
from shared.events.envelope import StoredEvent
from shared.kernel.streams import key_of
from shared.testing.memory import MemoryEventStore
from tests.integration.faults.remembered import Rows, database, nothing_parked
from tests.integration.pipeline import toy

STREAMS = tuple(f"tally-elm.{name}" for name in "abcd")
PARTITIONS = 2
STEPS = (0, 1, 2, 3)
BOUNDED = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


class Folding(RuleBasedStateMachine):
    """A store that things happen in and a projector; what reaches it and how is up to the rules of each machine."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = MemoryEventStore()
        self.rows = Rows()
        self.projector = Projector(
            toy.SERVICE, toy.TALLIES, database("tallies", self.rows), self.store, nothing_parked()
        )

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.runner.run(work)

    @rule(stream=st.sampled_from(STREAMS), steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=4))
    def something_happens(self, stream: str, steps: list[int]) -> None:
        """Step 0 ends the document, and the next one begins it again."""
        self.run(self.store.given(stream, *(toy.Counted(clinic_id="elm", step=step) for step in steps)))

    @invariant()
    def every_document_is_the_fold_of_what_it_has_seen(self) -> None:
        for row in self.rows.rows.values():
            stream = f"tally-{row['_id']}"
            events = self.steps(stream)[: row["_rev"] + 1]
            assert len(events) == row["_rev"] + 1
            assert folded(toy.TALLIES, stream, row).view == toy.TALLIES.fold(events)

    def apply(self, stored: Iterable[StoredEvent]) -> None:
        self.run(self._applied(list(stored)))

    async def _applied(self, stored: Sequence[StoredEvent]) -> None:
        decoded = await self.store.codec.events(stored)
        await self.projector.apply([Arrival(s, d) for s, d in zip(stored, decoded, strict=True)])

    def steps(self, stream: str) -> list[toy.Counted]:
        return [toy.Counted.model_validate_json(e.data) for e in self.store.log if e.stream == stream]

    def seen_everything(self) -> None:
        seen = {key: row["_rev"] for key, row in self.rows.rows.items()}
        assert seen == {key_of(e.stream): e.revision for e in self.store.log}

    def teardown(self) -> None:
        self.runner.close()


class Relayed(Folding):
    """A relay that goes back and a worker that dies: repeats and dropped ends, but each stream in order."""

    def __init__(self) -> None:
        super().__init__()
        self.topic: list[list[StoredEvent]] = [[] for _ in range(PARTITIONS)]
        self.published = 0
        self.read = [0] * PARTITIONS
        self.saved = [0] * PARTITIONS

    @rule(number=st.integers(1, 8))
    def the_relay_publishes(self, number: int) -> None:
        for event in self.store.log[self.published : self.published + number]:
            self.topic[STREAMS.index(event.stream) % PARTITIONS].append(event)
        self.published = min(len(self.store.log), self.published + number)

    @rule(back=st.integers(1, 10))
    def the_relay_goes_back(self, back: int) -> None:
        self.published = max(0, self.published - back)

    @rule(numbers=st.tuples(*[st.integers(0, 9)] * PARTITIONS), seed=st.integers(0, 999))
    def a_window_is_handled(self, numbers: tuple[int, ...], seed: int) -> None:
        """Records of the partitions come mixed, those of each in order; then the positions are saved."""
        self.a_window_is_written_and_the_worker_dies_before_it_says_so(numbers, seed)
        self.read = [min(r + n, len(t)) for r, n, t in zip(self.read, numbers, self.topic, strict=True)]
        self.saved = list(self.read)
        self.rows.journal()

    @rule(numbers=st.tuples(*[st.integers(0, 9)] * PARTITIONS), seed=st.integers(0, 999))
    def a_window_is_written_and_the_worker_dies_before_it_says_so(self, numbers: tuple[int, ...], seed: int) -> None:
        waiting = [t[r : r + n] for r, n, t in zip(self.read, numbers, self.topic, strict=True)]
        self.apply(_mixed(waiting, random.Random(seed)))

    @rule()
    def the_database_dies_and_forgets_what_was_not_journaled(self) -> None:
        self.rows.crash()
        self.read = list(self.saved)

    @rule()
    def the_topic_is_wiped_and_the_worker_starts_over(self) -> None:
        self.topic = [[] for _ in range(PARTITIONS)]
        self.published = 0
        self.read = [0] * PARTITIONS
        self.saved = [0] * PARTITIONS

    def teardown(self) -> None:
        """When all has been published and read, every document has seen its stream's end."""
        try:
            self.the_relay_publishes(len(self.store.log))
            self.a_window_is_handled(tuple(map(len, self.topic)), 0)
            self.seen_everything()
            self.every_document_is_the_fold_of_what_it_has_seen()
        finally:
            super().teardown()


class Shuffled(Folding):
    """Records of one stream in any order, some never: what is missing is read from the store, what is old dropped."""

    @rule(chosen=st.lists(st.integers(0, 200), min_size=1, max_size=8))
    def any_events_arrive(self, chosen: list[int]) -> None:
        if self.store.log:
            self.apply(self.store.log[number % len(self.store.log)] for number in chosen)

    def teardown(self) -> None:
        """The newest event of each stream is enough to bring everything before it."""
        newest = {event.stream: event for event in self.store.log}
        try:
            self.apply(newest.values())
            self.seen_everything()
            self.every_document_is_the_fold_of_what_it_has_seen()
        finally:
            super().teardown()


def _mixed(waiting: Sequence[list[StoredEvent]], chance: random.Random) -> list[StoredEvent]:
    left = [list(reversed(each)) for each in waiting]
    mixed = []
    while any(left):
        mixed.append(chance.choice([each for each in left if each]).pop())
    return mixed


def test_streams_in_order_with_repeats_crashes_and_lost_ends_fold_to_their_documents() -> None:
    run_state_machine_as_test(Relayed, settings=BOUNDED)


def test_streams_whose_order_is_broken_on_purpose_fold_to_their_documents() -> None:
    run_state_machine_as_test(Shuffled, settings=BOUNDED)


def test_the_second_machine_really_closes_gaps() -> None:
    """A machine whose gaps were never met would prove nothing."""
    machine = Shuffled()
    machine.something_happens(STREAMS[0], [1, 2, 3])
    machine.apply([machine.store.log[2], machine.store.log[0]])
    assert machine.rows.rows["elm.a"]["steps"] == [1, 2, 3]
    machine.teardown()
