"""What every implementation of the event store's port does, in memory and on real servers alike."""

from contextlib import aclosing
from uuid import UUID, uuid4

import pytest

from shared.chassis.event_store import NO_STREAM, Append, EventStore
from shared.events.base import Event
from shared.events.envelope import Actor, Metadata
from shared.events.pims_sync import SyncRunAbandoned
from shared.kernel.errors import RevisionMismatch, TooLarge
from shared.testing.clocks import NOON

METADATA = Metadata(
    clinic_id="elm",
    actor=Actor(kind="system", id="test"),
    command_id=UUID(int=1),
    correlation_id="c",
    recorded_at=NOON,
)


def fact(run_id: str) -> SyncRunAbandoned:
    return SyncRunAbandoned(clinic_id="elm", run_id=run_id, reason="r", abandoned_at=NOON)


def append(stream: str, expected: int, *runs: str, ids: tuple[UUID, ...] | None = None) -> Append:
    events: list[Event] = [fact(run) for run in runs]
    return Append(stream, expected, list(zip(ids or [uuid4() for _ in runs], events, strict=True)), METADATA)


@pytest.mark.anyio
class EventStoreContract:
    """Subclasses give a fixture `store`."""

    @pytest.fixture
    def stream(self) -> str:
        return f"feed-elm.{uuid4().hex}"

    async def test_a_stream_that_does_not_exist_is_empty(self, store: EventStore, stream: str) -> None:
        assert await store.read(stream) == []

    async def test_events_come_back_as_they_were_with_their_revisions(self, store: EventStore, stream: str) -> None:
        assert await store.append(append(stream, NO_STREAM, "a", "b")) == 1
        assert await store.append(append(stream, 1, "c")) == 2
        read = await store.read(stream)
        assert [r.event for r in read] == [fact("a"), fact("b"), fact("c")]
        assert [r.revision for r in read] == [0, 1, 2]
        assert read[0].position < read[1].position < read[2].position
        assert {r.metadata for r in read} == {METADATA}

    async def test_a_part_of_a_stream_can_be_read(self, store: EventStore, stream: str) -> None:
        await store.append(append(stream, NO_STREAM, "a", "b", "c"))
        assert [r.revision for r in await store.read(stream, first=1)] == [1, 2]
        assert [r.revision for r in await store.read(stream, first=1, limit=1)] == [1]
        assert await store.read(stream, first=3) == []

    async def test_an_append_above_a_mebibyte_is_refused_and_writes_nothing(
        self, store: EventStore, stream: str
    ) -> None:
        """By us, not by the server, whose answer would look as if waiting helped."""
        with pytest.raises(TooLarge):
            await store.append(append(stream, NO_STREAM, "a", "b" * 1024 * 1024))
        with pytest.raises(TooLarge):
            await store.append_many([append(stream, NO_STREAM, "a" * 1024 * 1024)])
        assert await store.read(stream) == []
        assert await store.append(append(stream, NO_STREAM, "a" * 1_000_000)) == 0

    @pytest.mark.parametrize("expected", [NO_STREAM, 0, 2, 7])
    async def test_another_revision_than_expected_writes_nothing(
        self, store: EventStore, stream: str, expected: int
    ) -> None:
        await store.append(append(stream, NO_STREAM, "a", "b"))
        with pytest.raises(RevisionMismatch):
            await store.append(append(stream, expected, "c"))
        assert len(await store.read(stream)) == 2

    async def test_a_stream_that_must_exist_and_does_not_is_a_mismatch(self, store: EventStore, stream: str) -> None:
        with pytest.raises(RevisionMismatch):
            await store.append(append(stream, 0, "a"))

    async def test_the_same_ids_again_write_nothing_and_answer_the_same(self, store: EventStore, stream: str) -> None:
        ids = (uuid4(), uuid4())
        first = append(stream, NO_STREAM, "a", "b", ids=ids)
        assert await store.append(first) == 1
        await store.append(append(stream, 1, "c"))
        assert await store.append(first) == 1
        assert len(await store.read(stream)) == 3

    async def test_many_appends_are_each_on_their_own(self, store: EventStore, stream: str) -> None:
        await store.append(append(f"{stream}taken", NO_STREAM, "a"))
        appends = [append(f"{stream}{name}", NO_STREAM, "x", "y") for name in ("one", "taken", "two")]
        outcome = await store.append_many(appends)
        assert outcome[0] == outcome[2] == 1
        assert isinstance(outcome[1], RevisionMismatch)
        assert [len(await store.read(a.stream)) for a in appends] == [2, 1, 2]

    async def test_many_appends_keep_the_order_of_one_stream(self, store: EventStore, stream: str) -> None:
        appends = [append(stream, n - 1, f"run{n}") for n in range(50)]
        assert await store.append_many(appends) == list(range(50))

    async def test_no_appends_are_no_work(self, store: EventStore) -> None:
        assert await store.append_many([]) == []

    async def test_the_head_grows_with_every_event_of_the_type(self, store: EventStore, stream: str) -> None:
        await store.append(append(stream, NO_STREAM, "a"))
        before = await store.head(r"pims-sync\..*")
        await store.append(append(stream, 0, "b"))
        assert await store.head(r"pims-sync\..*") > before > 0

    async def test_a_subscription_brings_everything_after_a_position_then_says_so(
        self, store: EventStore, stream: str
    ) -> None:
        await store.append(append(stream, NO_STREAM, "a", "b", "c"))
        first = (await store.read(stream))[0]
        got = []
        async with store.subscribe(first.position, r"pims-sync\..*") as events:
            async for event in events:
                if event is None:
                    break
                got.append((event.stream, event.revision))
        assert got == [(stream, 1), (stream, 2)]

    async def test_the_newest_event_of_a_stream(self, store: EventStore, stream: str) -> None:
        assert await store.last(stream) is None
        await store.append(append(stream, NO_STREAM, "a", "b"))
        assert await store.last(stream) == (await store.read_stored(stream))[-1]

    async def test_a_scan_brings_what_is_stored_after_a_position_and_ends(self, store: EventStore, stream: str) -> None:
        await store.append(append(stream, NO_STREAM, "a", "b", "c"))
        stored = await store.read_stored(stream)
        by_type = [event async for event in store.scan(stored[0].position, types=r"pims-sync\..*")]
        assert by_type == stored[1:]
        assert [event async for event in store.scan(streams=stream.replace(".", r"\."))] == stored
        assert [event async for event in store.scan(stored[0].position)] == stored[1:]
        assert [event async for event in store.scan(stored[0].position, newest_first=True)] == stored[:0:-1]

    async def test_a_scan_can_be_left_early(self, store: EventStore, stream: str) -> None:
        await store.append(append(stream, NO_STREAM, "a", "b", "c"))
        async with aclosing(store.scan(streams=stream.replace(".", r"\."))) as found:
            first = await anext(found)
        assert first.revision == 0
        assert len(await store.read(stream)) == 3
