"""Many appends on one BatchAppend call, which esdbclient's own methods never do."""

from queue import SimpleQueue

from esdbclient import StreamState
from esdbclient.protos.Grpc import shared_pb2
from google.protobuf import duration_pb2, empty_pb2

from tests.integration.contract.event_store.clients import Client
from tests.integration.contract.event_store.raw import (
    Request,
    Response,
    batch,
    batch_append,
    channel,
    new_uuid,
    proposed,
    send_all,
)


def error_of(response: Response) -> str:
    assert response.WhichOneof("result") == "error", response
    return response.error.details.type_url.rsplit(".", 1)[-1]


def test_every_request_is_answered_by_its_correlation_id(event_store_uri: str, stream: str) -> None:
    requests = [batch(f"{stream}-{n}", no_stream=empty_pb2.Empty()) for n in range(500)]
    answers = send_all(event_store_uri, requests)
    assert {a.correlation_id.string for a in answers} == {r.correlation_id.string for r in requests}
    assert all(a.WhichOneof("result") == "success" for a in answers)
    assert len({a.success.position.commit_position for a in answers}) == 500


def test_requests_for_one_stream_keep_their_order(event_store_uri: str, stream: str) -> None:
    requests = [batch(stream, no_stream=empty_pb2.Empty())]
    requests += [batch(stream, stream_position=n) for n in range(199)]
    answers = send_all(event_store_uri, requests)
    by_id = {a.correlation_id.string: a for a in answers}
    revisions = [by_id[r.correlation_id.string].success.current_revision for r in requests]
    assert revisions == list(range(200))


def test_an_answer_comes_while_the_call_is_still_open(event_store_uri: str, stream: str) -> None:
    requests: SimpleQueue[Request | None] = SimpleQueue()
    with channel(event_store_uri) as opened:
        answers = batch_append(opened, iter(requests.get, None))
        for n in range(3):
            requests.put(batch(stream, stream_position=n - 1) if n else batch(stream))
            assert next(answers).success.current_revision == n
        requests.put(None)
        assert next(answers, None) is None


def test_one_conflict_leaves_its_neighbours_alone(event_store_uri: str, stream: str) -> None:
    requests = [batch(f"{stream}-{n}", no_stream=empty_pb2.Empty()) for n in range(20)]
    requests[7] = batch(f"{stream}-7", stream_position=41)
    answers = {a.correlation_id.string: a for a in send_all(event_store_uri, requests)}
    conflict = answers.pop(requests[7].correlation_id.string)
    assert error_of(conflict) == "WrongExpectedVersion"
    detail = shared_pb2.WrongExpectedVersion()
    assert conflict.error.details.Unpack(detail)
    assert detail.WhichOneof("current_stream_revision_option") == "current_no_stream"
    assert detail.expected_stream_position == 41
    assert all(a.WhichOneof("result") == "success" for a in answers.values())


def test_an_append_may_come_in_pieces(event_store_uri: str, stream: str) -> None:
    correlation, other = new_uuid(), new_uuid()
    pieces = [
        batch(stream, [proposed(b"0")], correlation, final=False),
        batch(f"{stream}-other", [proposed(b"x")], other),
        batch(stream, [proposed(b"1"), proposed(b"2")], correlation, final=False),
        batch(stream, [proposed(b"3")], correlation),
    ]
    answers = {a.correlation_id.string: a for a in send_all(event_store_uri, pieces)}
    assert set(answers) == {correlation, other}
    assert answers[correlation].success.current_revision == 3


def test_an_append_that_is_never_finished_is_never_written(event_store_uri: str, stream: str, client: Client) -> None:
    assert send_all(event_store_uri, [batch(stream, final=False)]) == []
    assert client.version(stream) is StreamState.NO_STREAM


def test_pieces_too_big_together_are_refused_once(event_store_uri: str, stream: str) -> None:
    correlation = new_uuid()
    big = [proposed(b"x" * 700_000)]
    answers = send_all(event_store_uri, [batch(stream, big, correlation, final=False), batch(stream, big, correlation)])
    assert [error_of(answer) for answer in answers] == ["MaximumAppendSizeExceeded"]


def test_no_time_left_is_a_timeout(event_store_uri: str, stream: str, client: Client) -> None:
    request = batch(stream)
    request.options.deadline.CopyFrom(duration_pb2.Duration(seconds=0))
    assert [error_of(answer) for answer in send_all(event_store_uri, [request])] == ["Timeout"]
    assert client.version(stream) is StreamState.NO_STREAM


def test_a_repeat_on_one_call_is_recognised(event_store_uri: str, stream: str) -> None:
    same = proposed(event_id=new_uuid())
    answers = send_all(event_store_uri, [batch(stream, [same]), batch(stream, [same])])
    first, second = (answer.success for answer in answers)
    assert first == second
