"""Requests out of the ordinary, discovery, and calls that are not offered."""

from typing import Any

import grpc
import pytest
from esdbclient import EventStoreDBClient, StreamState
from esdbclient.connection_spec import ConnectionSpec
from esdbclient.protos.Grpc import gossip_pb2, shared_pb2, streams_pb2

from tests.integration.contract.event_store.clients import Client, new_event, new_events
from tests.integration.contract.event_store.raw import SERVICE, channel, read

Options = streams_pb2.ReadReq.Options
STRING_IDS = Options.UUIDOption(string=shared_pb2.Empty())


def all_options(**more: object) -> Options:
    options = {"count": 1, "no_filter": shared_pb2.Empty(), "uuid_option": STRING_IDS, **more}
    return Options(all=Options.AllOptions(start=shared_pb2.Empty()), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        all_options(uuid_option=None),
        all_options(
            filter=Options.FilterOptions(
                event_type=Options.FilterOptions.Expression(regex="("), max=32, checkpointIntervalMultiplier=1
            ),
            no_filter=None,
        ),
    ],
    ids=["nothing asked", "no form of ids", "bad expression"],
)
def test_a_read_that_makes_no_sense_is_invalid(event_store_uri: str, options: Options) -> None:
    with pytest.raises(grpc.RpcError) as refusal:
        read(event_store_uri, streams_pb2.ReadReq(options=options))
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_ids_can_be_asked_for_in_two_halves(event_store_uri: str, client: Client, stream: str) -> None:
    event = new_event()
    client.append(stream, StreamState.NO_STREAM, event)
    options = Options(
        stream=Options.StreamOptions(
            stream_identifier=shared_pb2.StreamIdentifier(stream_name=stream.encode()),
            start=shared_pb2.Empty(),
        ),
        count=1,
        no_filter=shared_pb2.Empty(),
        uuid_option=Options.UUIDOption(structured=shared_pb2.Empty()),
    )
    answers = read(event_store_uri, streams_pb2.ReadReq(options=options))
    halves = answers[0].event.event.id.structured
    assert halves.most_significant_bits % 2**64 == event.id.int >> 64
    assert halves.least_significant_bits % 2**64 == event.id.int % 2**64


def delete_call(opened: Any, name: str, stream: str) -> grpc.RpcError:
    """Call Delete or Tombstone, expecting revision 5, and give what it fails with."""
    options = streams_pb2.DeleteReq.Options(
        stream_identifier=shared_pb2.StreamIdentifier(stream_name=stream.encode()), revision=5
    )
    call = opened.unary_unary(f"{SERVICE}/{name}", request_serializer=streams_pb2.DeleteReq.SerializeToString)
    with pytest.raises(grpc.RpcError) as refusal:
        call(streams_pb2.DeleteReq(options=options), timeout=10)
    error: grpc.RpcError = refusal.value
    return error


@pytest.mark.parametrize("name", ["Delete", "Tombstone"])
def test_refusals_have_the_words_that_clients_look_for(
    event_store_uri: str, client: Client, stream: str, name: str
) -> None:
    client.append(stream, StreamState.NO_STREAM, new_events(2))
    with channel(event_store_uri) as opened:
        conflict = delete_call(opened, name, stream)
        client.tombstone(stream, 1)
        deleted = delete_call(opened, name, stream)
    assert conflict.details() == (
        f"Delete failed due to WrongExpectedVersion. Stream: {stream}, Expected version: 5, Actual version: 1"
    )
    assert dict(conflict.trailing_metadata())["exception"] == "wrong-expected-version"
    assert dict(conflict.trailing_metadata())["actual-version"] == "1"
    assert deleted.details() == f"Event stream '{stream}' is deleted."
    assert dict(deleted.trailing_metadata())["exception"] == "stream-deleted"
    assert {conflict.code(), deleted.code()} == {grpc.StatusCode.FAILED_PRECONDITION}


def test_discovery_finds_the_leader(event_store_uri: str, stream: str) -> None:
    target = ConnectionSpec(event_store_uri).targets[0]
    client = EventStoreDBClient(f"esdb+discover://{target}?tls=false")
    try:
        client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=new_events(1))
        assert client.get_current_version(stream) == 0
    finally:
        client.close()


def test_gossip_gives_the_address_that_was_asked(event_store_uri: str) -> None:
    with channel(event_store_uri) as opened:
        ask = opened.unary_unary(
            "/event_store.client.gossip.Gossip/Read",
            request_serializer=shared_pb2.Empty.SerializeToString,
            response_deserializer=gossip_pb2.ClusterInfo.FromString,
        )
        members = (ask(shared_pb2.Empty(), timeout=10)).members
    leaders = [m for m in members if m.state == gossip_pb2.MemberInfo.Leader and m.is_alive]
    assert len(leaders) == 1
    if len(members) == 1:
        address = f"{leaders[0].http_end_point.address}:{leaders[0].http_end_point.port}"
        assert address == ConnectionSpec(event_store_uri).targets[0]


def test_the_supported_calls_are_listed(event_store_uri: str) -> None:
    with channel(event_store_uri) as opened:
        ask = opened.unary_unary("/event_store.client.server_features.ServerFeatures/GetSupportedMethods")
        answer = ask(b"", timeout=10)
    assert b"batchappend" in answer
    assert b"event_store.client.streams.streams" in answer


def test_an_unknown_call_is_unimplemented(event_store_uri: str) -> None:
    with channel(event_store_uri) as opened, pytest.raises(grpc.RpcError) as refusal:
        opened.unary_unary("/event_store.client.streams.Streams/Forget")(b"", timeout=10)
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED
