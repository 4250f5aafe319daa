"""Soft deletes, tombstones and what follows them (protocol notes 1.4 and 1.6)."""

import pytest
from esdbclient import StreamState
from esdbclient.exceptions import FailedPrecondition, NotFound, StreamIsDeleted, WrongCurrentVersion

from tests.integration.contract.event_store.clients import (
    Client,
    Version,
    new_event,
    new_events,
    unique_type,
)


@pytest.fixture
def written(client: Client, stream: str) -> str:
    client.append(stream, StreamState.NO_STREAM, new_events(2))
    return stream


@pytest.fixture
def deleted(client: Client, written: str) -> str:
    client.delete(written, 1)
    return written


@pytest.mark.parametrize("expected", [1, StreamState.ANY, StreamState.EXISTS])
def test_a_deleted_stream_is_not_found(client: Client, written: str, expected: Version) -> None:
    client.delete(written, expected)
    with pytest.raises(NotFound):
        client.read(written)
    assert client.version(written) is StreamState.NO_STREAM


@pytest.mark.parametrize("expected", [0, 5, StreamState.NO_STREAM])
def test_deleting_at_another_revision_is_a_conflict(client: Client, written: str, expected: Version) -> None:
    with pytest.raises(WrongCurrentVersion):
        client.delete(written, expected)
    assert client.version(written) == 1


@pytest.mark.parametrize("expected", [0, StreamState.ANY, StreamState.NO_STREAM, StreamState.EXISTS])
def test_what_never_existed_cannot_be_deleted(client: Client, stream: str, expected: Version) -> None:
    with pytest.raises(NotFound):
        client.delete(stream, expected)


@pytest.mark.parametrize("expected", [1, StreamState.ANY])
def test_deleting_again_changes_nothing(client: Client, deleted: str, expected: Version) -> None:
    client.delete(deleted, expected)
    with pytest.raises(NotFound):
        client.read(deleted)


def test_a_deleted_stream_no_longer_counts_as_existing(client: Client, deleted: str) -> None:
    with pytest.raises(StreamIsDeleted):
        client.delete(deleted, StreamState.EXISTS)
    with pytest.raises(StreamIsDeleted):
        client.append(deleted, StreamState.EXISTS, new_events(1))
    with pytest.raises(WrongCurrentVersion):
        client.append(deleted, 0, new_events(1))


@pytest.mark.parametrize("expected", [StreamState.NO_STREAM, StreamState.ANY, 1])
def test_a_deleted_stream_that_is_written_again_goes_on_counting(
    client: Client, deleted: str, expected: Version
) -> None:
    client.append(deleted, expected, new_events(2))
    assert [e.stream_position for e in client.read(deleted)] == [2, 3]
    assert [e.stream_position for e in client.read(deleted, backwards=True)] == [3, 2]
    assert client.metadata(deleted)[0]["$tb"] == 2
    client.append(deleted, 3, new_event())
    assert client.version(deleted) == 4


def test_metadata_brings_a_deleted_stream_back_empty(client: Client, deleted: str) -> None:
    client.set_metadata(deleted, {"owner": "front desk"})
    assert client.metadata(deleted)[0]["owner"] == "front desk"
    client.append(deleted, 1, new_event())
    assert [e.stream_position for e in client.read(deleted)] == [2]


def test_deleted_events_stay_in_the_log(client: Client, stream: str) -> None:
    type_ = unique_type()
    client.append(stream, StreamState.NO_STREAM, new_events(2, type_))
    client.delete(stream, 1)
    assert len(client.read_all(filter_include=[type_])) == 2


@pytest.mark.parametrize("expected", [1, StreamState.ANY, StreamState.EXISTS])
def test_a_tombstone_is_final(client: Client, written: str, expected: Version) -> None:
    client.tombstone(written, expected)
    with pytest.raises(StreamIsDeleted):
        client.read(written)
    for version in (StreamState.NO_STREAM, StreamState.ANY, StreamState.EXISTS, 1):
        with pytest.raises(StreamIsDeleted):
            client.append(written, version, new_events(1))
        with pytest.raises(StreamIsDeleted):
            client.tombstone(written, version)
        with pytest.raises(StreamIsDeleted):
            client.delete(written, version)


def test_a_single_event_for_a_tombstoned_stream_fails_too(client: Client, written: str) -> None:
    client.tombstone(written, 1)
    # The sync client reports the unary call's status as it is.
    with pytest.raises((StreamIsDeleted, FailedPrecondition)):
        client.append(written, StreamState.ANY, new_event())


@pytest.mark.parametrize("expected", [0, StreamState.NO_STREAM])
def test_a_tombstone_at_another_revision_is_a_conflict(client: Client, written: str, expected: Version) -> None:
    with pytest.raises(WrongCurrentVersion):
        client.tombstone(written, expected)


def test_a_name_can_be_barred_before_its_first_event(client: Client, stream: str) -> None:
    client.tombstone(stream, StreamState.ANY)
    with pytest.raises(StreamIsDeleted):
        client.append(stream, StreamState.NO_STREAM, new_events(1))


def test_a_tombstone_cannot_expect_what_never_existed(client: Client, stream: str) -> None:
    with pytest.raises(NotFound):
        client.tombstone(stream, StreamState.EXISTS)


def test_a_soft_deleted_stream_can_be_tombstoned(client: Client, deleted: str) -> None:
    client.tombstone(deleted, StreamState.ANY)
    with pytest.raises(StreamIsDeleted):
        client.read(deleted)


def test_the_metadata_of_a_tombstoned_stream_is_hidden_but_still_writable(client: Client, written: str) -> None:
    client.tombstone(written, 1)
    with pytest.raises(StreamIsDeleted):
        client.read(f"$${written}")
    client.append(f"$${written}", StreamState.ANY, [new_event("$metadata")])
