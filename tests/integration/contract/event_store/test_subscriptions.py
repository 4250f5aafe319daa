"""Confirmation, history, caught up, live; filters and checkpoints (protocol notes 1.7)."""

import pytest
from esdbclient import CaughtUp, Checkpoint, StreamState
from esdbclient.exceptions import StreamIsDeleted

from tests.integration.contract.event_store.clients import (
    Client,
    new_event,
    new_events,
    unique_type,
)


def test_everything_after_a_position_then_live(client: Client, stream: str) -> None:
    type_ = unique_type()
    client.append(stream, StreamState.NO_STREAM, new_events(3, type_))
    first = client.read(stream)[0].commit_position
    with client.subscribe_all(commit_position=first, filter_include=[type_]) as subscription:
        assert [e.stream_position for e in subscription.take(2)] == [1, 2]
        client.append(stream, 2, new_events(2, type_))
        assert [e.stream_position for e in subscription.take(2)] == [3, 4]
        client.append(stream, 4, new_event(type_))
        assert next(subscription).stream_position == 5


def test_from_the_end_only_what_is_new(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, new_event())
    with client.subscribe_all(from_end=True) as subscription:
        # Appended right after the confirmation: the end was fixed before it.
        position = client.append(stream, 0, new_event())
        assert next(subscription).commit_position == position


def test_from_the_start_there_is_everything(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, new_event())
    with client.subscribe_all(filter_exclude=()) as subscription:
        first = next(subscription)
        assert first.type.startswith("$")
        assert (first.commit_position or 0) < (next(subscription).commit_position or 0)


def test_a_stream_after_a_revision_then_live(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, new_events(3))
    with client.subscribe(stream, stream_position=0) as subscription:
        assert [e.stream_position for e in subscription.take(2)] == [1, 2]
        client.append(f"{stream}-other", StreamState.NO_STREAM, new_event())
        client.append(stream, 2, new_events(2))
        live = subscription.take(2)
    assert [(e.stream_name, e.stream_position) for e in live] == [(stream, 3), (stream, 4)]


def test_a_stream_from_its_start_and_from_its_end(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, new_events(2))
    with client.subscribe(stream) as whole, client.subscribe(stream, from_end=True) as newest:
        client.append(stream, 1, new_event())
        assert [e.stream_position for e in whole.take(3)] == [0, 1, 2]
        assert next(newest).stream_position == 2


def test_a_stream_can_be_awaited_before_it_exists(client: Client, stream: str) -> None:
    with client.subscribe(stream) as subscription:
        client.append(stream, StreamState.NO_STREAM, new_event())
        assert next(subscription).stream_position == 0


def test_a_subscription_ends_with_the_tombstone_of_its_stream(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, new_event())
    with client.subscribe(stream) as subscription:
        assert next(subscription).stream_position == 0
        client.tombstone(stream, 0)
        with pytest.raises(StreamIsDeleted):
            next(subscription)
    with pytest.raises(StreamIsDeleted), client.subscribe(stream) as late:
        next(late)


def test_a_deleted_and_rewritten_stream_gives_the_new_part(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, new_events(2))
    client.delete(stream, 1)
    client.append(stream, StreamState.NO_STREAM, new_event())
    with client.subscribe(stream) as subscription:
        assert next(subscription).stream_position == 2


def test_caught_up_comes_after_the_history(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, new_events(3))
    with client.subscribe(stream, include_caught_up=True) as subscription:
        assert [type(item) is CaughtUp for item in subscription.take(4)] == [False, False, False, True]
        client.append(stream, 2, new_event())
        assert next(item for item in subscription if type(item) is not CaughtUp).stream_position == 3


def test_the_end_is_caught_up_at_once(client: Client, stream: str) -> None:
    with client.subscribe_all(from_end=True, include_caught_up=True) as subscription:
        assert type(next(subscription)) is CaughtUp


def test_catching_up_ends_with_a_checkpoint_at_the_last_considered_event(client: Client, stream: str) -> None:
    before = client.append(f"{stream}-before", StreamState.NO_STREAM, new_event())
    last = client.append(stream, StreamState.NO_STREAM, new_events(4))
    with client.subscribe_all(
        commit_position=before,
        filter_include=[unique_type()],
        include_checkpoints=True,
        include_caught_up=True,
    ) as subscription:
        items = subscription.take(2)
    assert [type(item) for item in items] == [Checkpoint, CaughtUp]
    assert items[0].commit_position == last


def test_every_interval_of_considered_events_gives_a_checkpoint(client: Client, stream: str) -> None:
    with client.subscribe_all(
        from_end=True,
        filter_include=[unique_type()],
        include_checkpoints=True,
        window_size=5,
        checkpoint_interval_multiplier=2,
    ) as subscription:
        client.append(stream, StreamState.NO_STREAM, new_events(25))
        positions = [item.commit_position for item in subscription.take(2)]
    assert positions == [client.read(stream)[n].commit_position for n in (9, 19)]


def test_checkpoints_rise_and_stay_behind_the_end(client: Client, stream: str) -> None:
    type_ = unique_type()
    before = client.commit_position()
    for n in range(60):
        client.append(f"{stream}-{n}", StreamState.NO_STREAM, new_event(type_ if n % 7 == 0 else "Other"))
    with client.subscribe_all(
        commit_position=before,
        filter_include=[type_],
        include_checkpoints=True,
        include_caught_up=True,
        window_size=4,
        checkpoint_interval_multiplier=1,
    ) as subscription:
        items = []
        while type(item := next(subscription)) is not CaughtUp:
            items.append(item)
    checkpoints = [item.commit_position or 0 for item in items if type(item) is Checkpoint]
    assert len(checkpoints) >= 14
    assert checkpoints == sorted(set(checkpoints))
    assert checkpoints[-1] <= (client.read_all(filter_exclude=(), backwards=True, limit=1)[0].commit_position or 0)
    positions = [item.commit_position or 0 for item in items]
    assert positions == sorted(positions)
    assert [item.type for item in items if type(item) is not Checkpoint] == [type_] * 9


def test_a_subscription_resumes_from_a_checkpoint_without_loss(client: Client, stream: str) -> None:
    type_ = unique_type()
    position = client.commit_position()
    seen: list[int] = []
    for n in range(8):
        client.append(stream, StreamState.ANY, [new_event("Other"), new_event(type_)])
        with client.subscribe_all(
            commit_position=position, filter_include=[type_], include_checkpoints=True
        ) as subscription:
            for item in subscription:
                position = item.commit_position or 0
                if type(item) is Checkpoint:
                    break
                seen.append(item.stream_position)
        assert seen == [2 * m + 1 for m in range(n + 1)]


def test_a_stream_name_filter_chooses_streams(client: Client, stream: str) -> None:
    with client.subscribe_all(
        from_end=True, filter_include=[f"{stream}-a.*"], filter_by_stream_name=True
    ) as subscription:
        for name in ("a1", "b1", "a2"):
            client.append(f"{stream}-{name}", StreamState.NO_STREAM, new_event())
        assert [e.stream_name for e in subscription.take(2)] == [f"{stream}-a1", f"{stream}-a2"]


def test_a_reader_that_pauses_loses_nothing(client: Client, stream: str) -> None:
    """More is written than any buffer keeps while the reader does not read."""
    with client.subscribe(stream) as subscription:
        for batch in range(12):
            events = [new_event(data=b"x" * 1500) for _ in range(500)]
            client.append(stream, batch * 500 - 1 if batch else StreamState.NO_STREAM, events)
        assert [e.stream_position for e in subscription.take(6000)] == list(range(6000))
