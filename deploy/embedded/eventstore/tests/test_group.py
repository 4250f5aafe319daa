"""Committing requests together gives each the answer it would have had alone."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.embedded.eventstore.decision import ANY, EXISTS, NO_STREAM
from deploy.embedded.eventstore.group import Counters, Group, Kind, Outcome, Work
from deploy.embedded.eventstore.history import History
from deploy.embedded.eventstore.ledger import Head, Ledger
from deploy.embedded.eventstore.storage import prepare
from deploy.embedded.eventstore.wire import JSON, Proposed

STREAMS = ("a", "b", "$$a")
METADATA = (b"{}", b'{"$tb": 1}', b'{"$maxCount": 1}', b'{"$tb": 9223372036854775807}')


def event(number: int) -> Proposed:
    event_id = UUID(int=number)
    data = METADATA[number % len(METADATA)]
    return Proposed(event_id.bytes, str(event_id), "Happened", JSON, b"", data)


expected_states = st.sampled_from((ANY, NO_STREAM, EXISTS, 0, 1, 2, 3))
# Few ids, so that repeats and mixtures of old and new are common.
events = st.lists(st.integers(1, 8).map(event), max_size=3)
appends = st.builds(Work, st.sampled_from(STREAMS), expected_states, events=events)
deletes = st.builds(
    Work, st.sampled_from(STREAMS), expected_states, kind=st.sampled_from((Kind.DELETE, Kind.TOMBSTONE))
)
requests = st.lists(st.one_of(appends, appends, appends, deletes), min_size=1, max_size=14)


def outcomes(path: Path, groups: Sequence[Sequence[Work]]) -> list[Outcome]:
    """Commit group after group, each starting from nothing but the database."""
    prepare(path)
    ledger = Ledger(path)
    found: list[Outcome] = []
    for works in groups:
        heads: dict[str, Head] = {}
        counters = Counters(ledger.next_position(), ledger.next_stream_id(), ledger.last_position())
        group = Group(ledger, heads, counters)
        group.load(works)
        found += [group.apply(work) for work in works]
        ledger.begin()
        group.save()
        ledger.commit()
    ledger.close()
    return found


def stored(path: Path) -> list[tuple[int, str, int, str]]:
    history = History(path)
    rows = history.all_page(0, backwards=False, limit=1000, named=True)
    history.close()
    return [row[:4] for row in rows]


@settings(deadline=None, max_examples=40)
@given(requests, st.integers(2, 14))
def test_grouping_changes_neither_answers_nor_what_is_stored(works: list[Work], size: int) -> None:
    with TemporaryDirectory() as folder:
        alone, together = Path(folder, "alone.db"), Path(folder, "together.db")
        groups = [works[start : start + size] for start in range(0, len(works), size)]
        assert outcomes(together, groups) == outcomes(alone, [[work] for work in works])
        assert stored(together) == stored(alone)
