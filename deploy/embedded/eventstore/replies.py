"""What appends and deletes answer."""

from esdbclient.protos.Grpc import code_pb2, shared_pb2, status_pb2, streams_pb2
from google.protobuf import any_pb2
from google.protobuf.message import Message

from deploy.embedded.eventstore.decision import NO_STREAM
from deploy.embedded.eventstore.errors import MAX_APPEND_BYTES
from deploy.embedded.eventstore.group import Failed, Outcome, StreamGone, TimedOut, Written, WrongVersion

Request = streams_pb2.BatchAppendReq
Response = streams_pb2.BatchAppendResp


def append_reply(expected: int, outcome: Written | WrongVersion) -> bytes:
    """Append reports a wrong version inside an OK reply."""
    if isinstance(outcome, WrongVersion):
        wrong = _append_conflict(expected, outcome.actual)
        return streams_pb2.AppendResp(wrong_expected_version=wrong).SerializeToString()
    position = streams_pb2.AppendResp.Position(commit_position=outcome.position, prepare_position=outcome.position)
    success = streams_pb2.AppendResp.Success(position=position)
    if outcome.revision == NO_STREAM:
        success.no_stream.SetInParent()
    else:
        success.current_revision = outcome.revision
    return streams_pb2.AppendResp(success=success).SerializeToString()


def _append_conflict(expected: int, actual: int) -> streams_pb2.AppendResp.WrongExpectedVersion:
    conflict = streams_pb2.AppendResp.WrongExpectedVersion()
    if actual == NO_STREAM:
        conflict.current_no_stream.SetInParent()
    else:
        conflict.current_revision = actual
    match expected:
        case -1:
            conflict.expected_no_stream.SetInParent()
        case -2:
            conflict.expected_any.SetInParent()
        case -4:
            conflict.expected_stream_exists.SetInParent()
        case revision:
            conflict.expected_revision = revision
    return conflict


def batch_reply(request: Request, outcome: Outcome) -> bytes:
    """`request` is the one that brought the options of this append."""
    match outcome:
        case Written(revision, position):
            return _batch_success(request, revision, position)
        case WrongVersion(actual):
            conflict = _batch_conflict(request.options, actual)
            return _batch_error(request, code_pb2.FAILED_PRECONDITION, "WrongExpectedVersion", conflict)
        case StreamGone():
            deleted = shared_pb2.StreamDeleted(stream_identifier=request.options.stream_identifier)
            return _batch_error(request, code_pb2.FAILED_PRECONDITION, "StreamDeleted", deleted)
        case TimedOut():
            return _batch_error(request, code_pb2.DEADLINE_EXCEEDED, "Timeout", shared_pb2.Timeout())
        case Failed(reason):
            return _batch_error(request, code_pb2.UNKNOWN, reason, shared_pb2.Unknown())


def batch_too_big(request: Request) -> bytes:
    detail = shared_pb2.MaximumAppendSizeExceeded(maxAppendSize=MAX_APPEND_BYTES)
    return _batch_error(request, code_pb2.INVALID_ARGUMENT, "MaximumAppendSizeExceeded", detail)


def batch_bad_request(request: Request, reason: str) -> bytes:
    return _batch_error(request, code_pb2.INVALID_ARGUMENT, reason, shared_pb2.BadRequest(message=reason))


def _batch_success(request: Request, revision: int, position: int) -> bytes:
    response = Response(correlation_id=request.correlation_id)
    _echo(request, response)
    success = response.success
    success.position.commit_position = position
    success.position.prepare_position = position
    if revision == NO_STREAM:
        success.no_stream.SetInParent()
    else:
        success.current_revision = revision
    return response.SerializeToString()


def _batch_error(request: Request, code: code_pb2.Code.ValueType, message: str, detail: Message) -> bytes:
    packed = any_pb2.Any()
    packed.Pack(detail)
    status = status_pb2.Status(code=code, message=message, details=packed)
    response = Response(correlation_id=request.correlation_id, error=status)
    _echo(request, response)
    return response.SerializeToString()


def _echo(request: Request, response: Response) -> None:
    """Repeat stream and expectation, so that a client need not remember what it asked."""
    options = request.options
    response.stream_identifier.CopyFrom(options.stream_identifier)
    match options.WhichOneof("expected_stream_position"):
        case "stream_position":
            response.stream_position = options.stream_position
        case "no_stream":
            response.no_stream.SetInParent()
        case "any":
            response.any.SetInParent()
        case "stream_exists":
            response.stream_exists.SetInParent()
        case None:
            pass


def _batch_conflict(options: Request.Options, actual: int) -> shared_pb2.WrongExpectedVersion:
    conflict = shared_pb2.WrongExpectedVersion()
    if actual == NO_STREAM:
        conflict.current_no_stream.SetInParent()
    else:
        conflict.current_stream_revision = actual
    match options.WhichOneof("expected_stream_position"):
        case "stream_position":
            conflict.expected_stream_position = options.stream_position
        case "no_stream":
            conflict.expected_no_stream.SetInParent()
        case "any":
            conflict.expected_any.SetInParent()
        case "stream_exists":
            conflict.expected_stream_exists.SetInParent()
        case None:
            pass
    return conflict


def delete_reply(position: int) -> bytes:
    where = streams_pb2.DeleteResp.Position(commit_position=position, prepare_position=position)
    return streams_pb2.DeleteResp(position=where).SerializeToString()


def tombstone_reply(position: int) -> bytes:
    where = streams_pb2.TombstoneResp.Position(commit_position=position, prepare_position=position)
    return streams_pb2.TombstoneResp(position=where).SerializeToString()
