"""Bounded reads of streams and of `$all` (protocol notes 1.7)."""

import pytest
from esdbclient import StreamState
from esdbclient.exceptions import NotFound

from tests.integration.contract.event_store.clients import Client, new_event, new_events, unique_type


def test_a_missing_stream_is_not_found(client: Client, stream: str) -> None:
    with pytest.raises(NotFound):
        client.read(stream)
    assert client.version(stream) is StreamState.NO_STREAM


@pytest.mark.parametrize(
    ("options", "revisions"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"stream_position": 2}, [2, 3, 4]),
        ({"stream_position": 4}, [4]),
        ({"stream_position": 5}, []),
        ({"limit": 2}, [0, 1]),
        ({"stream_position": 1, "limit": 2}, [1, 2]),
        ({"backwards": True}, [4, 3, 2, 1, 0]),
        ({"backwards": True, "stream_position": 2}, [2, 1, 0]),
        ({"backwards": True, "limit": 1}, [4]),
        ({"backwards": True, "stream_position": 99, "limit": 2}, [4, 3]),
    ],
)
def test_a_stream_is_read_from_a_revision_inclusive(
    client: Client, stream: str, options: dict[str, int], revisions: list[int]
) -> None:
    client.append(stream, StreamState.NO_STREAM, new_events(5))
    assert [e.stream_position for e in client.read(stream, **options)] == revisions


def test_a_long_stream_comes_whole_and_in_order(client: Client, stream: str) -> None:
    for start in range(0, 1500, 500):
        client.append(stream, start - 1 if start else StreamState.NO_STREAM, new_events(500))
    assert [e.stream_position for e in client.read(stream)] == list(range(1500))
    back = client.read(stream, backwards=True, limit=700)
    assert [e.stream_position for e in back] == list(range(1499, 799, -1))


def test_everything_starts_with_a_system_event(client: Client) -> None:
    first = client.read_all(filter_exclude=(), limit=1)
    assert first[0].type.startswith("$")
    assert (first[0].commit_position or 0) >= 0


def test_everything_is_read_forwards_from_a_position_inclusive(client: Client, stream: str) -> None:
    type_ = unique_type()
    client.append(stream, StreamState.NO_STREAM, new_events(3, type_))
    client.append(f"{stream}-2", StreamState.NO_STREAM, new_events(2, type_))
    everything = client.read_all(filter_include=[type_])
    assert [e.stream_position for e in everything] == [0, 1, 2, 0, 1]
    positions = [e.commit_position for e in everything]
    assert [e.commit_position for e in client.read_all(commit_position=positions[2], limit=2)] == positions[2:4]


def test_everything_is_read_backwards_from_a_position_exclusive(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, new_events(3))
    positions = [e.commit_position for e in client.read(stream)]
    back = client.read_all(commit_position=positions[2], backwards=True, limit=2)
    assert [e.commit_position for e in back] == [positions[1], positions[0]]


def test_the_end_is_the_newest_event(client: Client, stream: str) -> None:
    position = client.append(stream, StreamState.NO_STREAM, new_events(2))
    assert client.commit_position() == position
    newest = client.read_all(backwards=True, limit=1)[0]
    assert (newest.stream_name, newest.stream_position) == (stream, 1)


@pytest.mark.parametrize("by_stream", [False, True])
def test_a_filtered_read_counts_only_what_it_gives(client: Client, stream: str, by_stream: bool) -> None:
    before = client.commit_position()
    wanted, other = unique_type(), unique_type()
    for n in range(40):
        type_ = wanted if n % 10 == 0 else other
        client.append(f"{type_}-{stream}", StreamState.ANY, new_event(type_))
    pattern = f"{wanted}.*"
    some = client.read_all(commit_position=before, filter_include=[pattern], filter_by_stream_name=by_stream, limit=3)
    assert [e.type for e in some] == [wanted] * 3
    rest = client.read_all(
        commit_position=before, filter_exclude=[pattern], filter_by_stream_name=by_stream, filter_include=()
    )
    assert {e.type for e in rest} >= {other}
    assert wanted not in {e.type for e in rest}


def test_an_expression_is_searched_for_and_not_matched_whole(client: Client, stream: str) -> None:
    first, second = unique_type(), unique_type()
    types = [f"{first}Extended", f"Before{second}", f"{second}Extended"]
    client.append(stream, StreamState.NO_STREAM, [new_event(type_) for type_ in types])
    # Sent as `^first|second$`, which binds as `(^first)|(second$)`.
    found = client.read_all(filter_include=[first, second])
    assert [e.type for e in found] == types[:2]


def test_events_of_a_group_of_streams_interleave_in_the_order_written(client: Client, stream: str) -> None:
    type_ = unique_type()
    written = [(f"{stream}-{n % 3}", n // 3) for n in range(12)]
    for name, revision in written:
        client.append(name, revision - 1 if revision else StreamState.NO_STREAM, new_event(type_))
    found = client.read_all(filter_include=[type_])
    assert [(e.stream_name, e.stream_position) for e in found] == written
