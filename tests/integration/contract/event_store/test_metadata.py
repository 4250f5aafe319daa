"""Stream metadata and what it hides from readers (protocol notes 1.2 and 1.6)."""

from time import sleep

import pytest
from esdbclient import StreamState
from esdbclient.exceptions import WrongCurrentVersion

from tests.integration.contract.event_store.clients import Client, new_event, new_events, unique_type


def test_a_stream_without_metadata_has_none(client: Client, stream: str) -> None:
    assert client.metadata(stream) == ({}, StreamState.NO_STREAM)


def test_metadata_is_kept_with_its_own_version(client: Client, stream: str) -> None:
    client.set_metadata(stream, {"owner": "a"}, StreamState.NO_STREAM)
    client.set_metadata(stream, {"owner": "b", "nested": {"n": [1]}}, 0)
    assert client.metadata(stream) == ({"owner": "b", "nested": {"n": [1]}}, 1)
    with pytest.raises(WrongCurrentVersion):
        client.set_metadata(stream, {"owner": "c"}, 0)


def test_metadata_alone_is_enough_for_a_stream_to_exist(client: Client, stream: str) -> None:
    client.set_metadata(stream, {"owner": "a"})
    client.append(stream, StreamState.EXISTS, new_event())
    assert client.version(stream) == 0


@pytest.mark.parametrize(
    ("metadata", "revisions"),
    [({"$tb": 3}, [3, 4, 5]), ({"$maxCount": 2}, [4, 5]), ({"$tb": 5, "$maxCount": 4}, [5]), ({"x": 1}, [*range(6)])],
)
def test_truncated_events_are_hidden(
    client: Client, stream: str, metadata: dict[str, int], revisions: list[int]
) -> None:
    type_ = unique_type()
    client.append(stream, StreamState.NO_STREAM, new_events(6, type_))
    client.set_metadata(stream, metadata)
    assert [e.stream_position for e in client.read(stream)] == revisions
    assert [e.stream_position for e in client.read(stream, backwards=True)] == revisions[::-1]
    assert [e.stream_position for e in client.read(stream, stream_position=1, limit=1)] == [max(1, revisions[0])]
    assert len(client.read_all(filter_include=[type_])) == 6


def test_a_count_follows_new_events(client: Client, stream: str) -> None:
    client.set_metadata(stream, {"$maxCount": 2})
    client.append(stream, StreamState.NO_STREAM, new_events(2))
    client.append(stream, 1, new_events(3))
    assert [e.stream_position for e in client.read(stream)] == [3, 4]


def test_old_events_are_hidden_by_age(client: Client, stream: str) -> None:
    client.set_metadata(stream, {"$maxAge": 1})
    client.append(stream, StreamState.NO_STREAM, new_events(2))
    assert len(client.read(stream)) == 2
    sleep(1.2)
    client.append(stream, 1, new_event())
    assert [e.stream_position for e in client.read(stream)] == [2]


def test_replacing_metadata_shows_the_events_again(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, new_events(3))
    client.set_metadata(stream, {"$tb": 2})
    client.set_metadata(stream, {"$tb": 1})
    assert [e.stream_position for e in client.read(stream)] == [1, 2]
