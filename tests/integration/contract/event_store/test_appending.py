"""Expected states, conflicts and repeats (protocol notes 1.4 and 1.5)."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from esdbclient import NewEvent, StreamState
from esdbclient.exceptions import (
    AppendDeadlineExceeded,
    GrpcDeadlineExceeded,
    MaximumAppendSizeExceededError,
    WrongCurrentVersion,
)

from shared.chassis.clock import now
from tests.integration.contract.event_store.clients import Client, Version, new_event, new_events

Shape = Callable[[NewEvent], NewEvent | Sequence[NewEvent]]


@pytest.fixture(params=["one", "list"])
def shape(request: pytest.FixtureRequest) -> Shape:
    """A single event and a list of one take different calls, which must mean the same."""
    return (lambda event: event) if request.param == "one" else (lambda event: [event])


def test_what_is_appended_is_read_back_unchanged(client: Client, stream: str) -> None:
    events = [
        new_event("Named", b'{"name": "Rex"}', metadata=b'{"actor": "vet"}'),
        new_event("Scanned", b"\x00\xff", content_type="application/octet-stream"),
    ]
    position = client.append(stream, StreamState.NO_STREAM, events)
    read = client.read(stream)
    assert [(e.id, e.type, e.data, e.metadata, e.content_type) for e in read] == [
        (e.id, e.type, e.data, e.metadata, e.content_type) for e in events
    ]
    assert [(e.stream_name, e.stream_position) for e in read] == [(stream, 0), (stream, 1)]
    assert read[-1].commit_position == position


def test_the_time_of_recording_is_kept(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, new_event())
    recorded_at = client.read(stream)[0].recorded_at
    assert isinstance(recorded_at, datetime)
    assert abs(now() - recorded_at.astimezone(UTC)) < timedelta(minutes=1)


def test_an_unusual_name_is_as_good_as_any(client: Client, stream: str) -> None:
    name = f"{stream}-Zoë 'the cat' #1/%41\u2603"
    client.append(name, StreamState.NO_STREAM, new_event())
    assert client.read(name)[0].stream_name == name


def test_revisions_follow_each_other_and_positions_rise(client: Client, stream: str) -> None:
    first = client.append(stream, StreamState.NO_STREAM, new_events(3))
    second = client.append(stream, 2, new_event())
    third = client.append(stream, 3, new_events(2))
    read = client.read(stream)
    assert [e.stream_position for e in read] == [0, 1, 2, 3, 4, 5]
    positions = [e.commit_position or 0 for e in read]
    assert positions == sorted(set(positions))
    assert [positions[2], positions[3], positions[5]] == [first, second, third]


@pytest.mark.parametrize("expected", [StreamState.NO_STREAM, StreamState.ANY])
def test_a_new_stream_accepts(client: Client, stream: str, shape: Shape, expected: Version) -> None:
    client.append(stream, expected, shape(new_event()))
    assert client.version(stream) == 0


@pytest.mark.parametrize("expected", [StreamState.EXISTS, 0, 7])
def test_a_new_stream_refuses(client: Client, stream: str, shape: Shape, expected: Version) -> None:
    with pytest.raises(WrongCurrentVersion, match="does not exist"):
        client.append(stream, expected, shape(new_event()))
    assert client.version(stream) is StreamState.NO_STREAM


@pytest.mark.parametrize("expected", [1, StreamState.ANY, StreamState.EXISTS])
def test_a_stream_of_two_accepts(client: Client, stream: str, shape: Shape, expected: Version) -> None:
    client.append(stream, StreamState.NO_STREAM, new_events(2))
    client.append(stream, expected, shape(new_event()))
    assert client.version(stream) == 2


@pytest.mark.parametrize("expected", [0, 2, StreamState.NO_STREAM])
def test_a_stream_of_two_refuses(client: Client, stream: str, shape: Shape, expected: Version) -> None:
    client.append(stream, StreamState.NO_STREAM, new_events(2))
    with pytest.raises(WrongCurrentVersion, match="Stream position of last event is 1 not"):
        client.append(stream, expected, shape(new_event()))
    assert client.version(stream) == 1


@pytest.mark.parametrize("expected", [StreamState.NO_STREAM, StreamState.ANY])
def test_a_repeat_is_recognised(client: Client, stream: str, shape: Shape, expected: Version) -> None:
    event = new_event()
    position = client.append(stream, expected, shape(event))
    assert client.append(stream, expected, shape(event)) == position
    client.append(stream, 0, new_event())
    assert client.append(stream, expected, shape(event)) == position
    assert client.version(stream) == 1


@pytest.mark.parametrize("expected", [0, StreamState.ANY, StreamState.EXISTS])
def test_a_repeat_of_several_events_is_recognised(client: Client, stream: str, expected: Version) -> None:
    client.append(stream, StreamState.NO_STREAM, new_event())
    events = new_events(3)
    position = client.append(stream, expected, events)
    client.append(stream, 3, new_event())
    assert client.append(stream, expected, events) == position
    assert client.version(stream) == 4


@pytest.mark.parametrize("expected", [StreamState.NO_STREAM, StreamState.ANY])
def test_a_mixture_of_old_and_new_is_refused(client: Client, stream: str, expected: Version) -> None:
    old = new_event()
    client.append(stream, StreamState.NO_STREAM, [old])
    with pytest.raises(WrongCurrentVersion):
        client.append(stream, expected, [old, new_event()])
    assert client.version(stream) == 0


def test_other_events_at_a_revision_that_lies_behind_are_a_conflict(client: Client, stream: str) -> None:
    events = new_events(3)
    client.append(stream, StreamState.NO_STREAM, events)
    with pytest.raises(WrongCurrentVersion):
        client.append(stream, 0, [events[2]])


def test_the_same_id_in_another_stream_is_another_event(client: Client, stream: str) -> None:
    event = new_event()
    for name in (stream, f"{stream}-other"):
        client.append(name, StreamState.ANY, [event])
        assert client.read(name)[0].id == event.id


def test_an_id_may_stand_twice_in_one_append(client: Client, stream: str) -> None:
    event = new_event()
    client.append(stream, StreamState.NO_STREAM, [event, event])
    assert [e.id for e in client.read(stream)] == [event.id, event.id]


def test_an_append_of_nothing_writes_nothing(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, [])
    assert client.version(stream) is StreamState.NO_STREAM
    client.append(stream, StreamState.NO_STREAM, new_event())
    client.append(stream, 0, [])
    assert client.version(stream) == 0


def test_a_large_append_is_one_append(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, [new_event(data=b"x" * 9_000) for _ in range(100)])
    assert client.version(stream) == 99


def test_more_than_a_mebibyte_is_refused(client: Client, stream: str) -> None:
    with pytest.raises(MaximumAppendSizeExceededError):
        client.append(stream, StreamState.NO_STREAM, [new_event(data=b"x" * 600_000) for _ in range(2)])
    assert client.version(stream) is StreamState.NO_STREAM


def test_an_append_that_is_too_late_from_the_start_is_not_written(client: Client, stream: str) -> None:
    with pytest.raises((AppendDeadlineExceeded, GrpcDeadlineExceeded)):
        client.append(stream, StreamState.NO_STREAM, new_events(1), timeout=0)
    assert client.version(stream) is StreamState.NO_STREAM
