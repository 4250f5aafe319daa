"""What a read request asks for, checked."""

from dataclasses import dataclass
from typing import Final

from esdbclient.protos.Grpc import streams_pb2

from deploy.embedded.eventstore.errors import InvalidRequestError
from deploy.embedded.eventstore.filters import DEFAULT_WINDOW, Filter, build_filter
from deploy.embedded.eventstore.metadata import END_OF_STREAM
from deploy.embedded.eventstore.wire import stream_name

Options = streams_pb2.ReadReq.Options

START: Final = -1
END: Final = END_OF_STREAM
"""Where a read starts when it names no position or revision."""


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """`stream` is None for `$all`; `start` is a revision or a position; `count` is None to subscribe."""

    stream: str | None
    start: int
    backwards: bool
    count: int | None
    resolve_links: bool
    structured_ids: bool
    filter: Filter | None
    checkpoint_interval: int


def read_plan(options: Options) -> ReadPlan:
    """Errors: InvalidRequestError."""
    stream, start = _where(options)
    count = _count(options)
    backwards = options.read_direction == Options.Backwards
    chosen = _filter(options)
    if backwards and count is None:
        raise InvalidRequestError("a subscription reads forwards")
    if stream is not None and chosen is not None:
        raise InvalidRequestError("only $all can be filtered")
    if options.uuid_option.WhichOneof("content") is None:
        raise InvalidRequestError("the request does not say how to write ids (uuid_option)")
    return ReadPlan(
        stream=stream,
        start=start,
        backwards=backwards,
        count=count,
        resolve_links=options.resolve_links,
        structured_ids=options.uuid_option.WhichOneof("content") == "structured",
        filter=chosen,
        checkpoint_interval=_checkpoint_interval(options, count is None),
    )


def _where(options: Options) -> tuple[str | None, int]:
    match options.WhichOneof("stream_option"):
        case "stream":
            return stream_name(options.stream.stream_identifier), _revision(options.stream)
        case "all":
            return None, _position(options.all)
        case _:
            raise InvalidRequestError("the request names neither a stream nor $all")


def _revision(options: Options.StreamOptions) -> int:
    match options.WhichOneof("revision_option"):
        case "revision":
            return min(options.revision, END)
        case "end":
            return END
        case _:
            return START


def _position(options: Options.AllOptions) -> int:
    match options.WhichOneof("all_option"):
        case "position":
            return min(options.position.commit_position, END)
        case "end":
            return END
        case _:
            return START


def _count(options: Options) -> int | None:
    match options.WhichOneof("count_option"):
        case "count":
            return options.count
        case "subscription":
            return None
        case _:
            raise InvalidRequestError("the request neither counts nor subscribes")


def _filter(options: Options) -> Filter | None:
    if options.WhichOneof("filter_option") != "filter":
        return None
    chosen = options.filter
    by_stream = chosen.WhichOneof("filter") == "stream_identifier"
    words = chosen.stream_identifier if by_stream else chosen.event_type
    return build_filter(by_stream, words.regex, tuple(words.prefix))


def _checkpoint_interval(options: Options, subscribing: bool) -> int:
    if not subscribing or options.WhichOneof("filter_option") != "filter":
        return 0
    chosen = options.filter
    window = chosen.max if chosen.WhichOneof("window") == "max" else DEFAULT_WINDOW
    if not window or not chosen.checkpointIntervalMultiplier:
        raise InvalidRequestError("window and checkpoint interval multiplier are at least 1")
    return window * chosen.checkpointIntervalMultiplier
