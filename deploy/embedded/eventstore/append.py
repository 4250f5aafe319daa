"""The Append call: one append, its events sent one message each."""

import asyncio
from typing import Any

import grpc
from esdbclient.protos.Grpc import streams_pb2

from deploy.embedded.eventstore import replies
from deploy.embedded.eventstore.batches import Batch, Room, expected_version
from deploy.embedded.eventstore.errors import (
    InvalidRequestError,
    StorageFailedError,
    StreamDeletedError,
    TooLateError,
)
from deploy.embedded.eventstore.group import Failed, Outcome, StreamGone, TimedOut, Work, Written, WrongVersion
from deploy.embedded.eventstore.wire import stream_name
from deploy.embedded.eventstore.writer import Writer


class Appends:
    """Serves Append."""

    def __init__(self, writer: Writer, room: Room) -> None:
        self._writer = writer
        self._room = room

    async def append(self, _requests: Any, context: Any) -> bytes:
        work = await _receive(context, self._room)
        return replies.append_reply(work.expected, await write(self._writer, work))


async def outcome_of(writer: Writer, work: Work, alone: bool = False) -> Outcome:
    """Queue a request and wait for its commit; `alone` as in `Writer.submit`. Errors: QueueFullError."""
    answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def done(outcome: Outcome) -> None:
        if not answer.done():
            answer.set_result(outcome)

    work.done = done
    writer.submit(work, alone)
    return await answer


async def write(writer: Writer, work: Work) -> Written | WrongVersion:
    """Queue a request and wait for its commit. Errors: RefusedError for every outcome but these two."""
    match await outcome_of(writer, work):
        case StreamGone():
            raise StreamDeletedError(work.stream)
        case TimedOut():
            raise TooLateError
        case Failed(reason):
            raise StorageFailedError(reason)
        case outcome:
            return outcome


async def _receive(context: Any, room: Room) -> Work:
    first = await context.read()
    if first is grpc.aio.EOF or not first.HasField("options"):
        raise InvalidRequestError("the first message carries the options")
    options: streams_pb2.AppendReq.Options = first.options
    expected = expected_version(options.WhichOneof("expected_stream_revision"), options.revision)
    stream = stream_name(options.stream_identifier)
    batch = await _events(context, room)
    return Work(stream, expected, events=batch.events, size=batch.weight)


async def _events(context: Any, room: Room) -> Batch:
    batch = Batch()
    taken = 0
    try:
        while (message := await context.read()) is not grpc.aio.EOF:
            batch.add([message.proposed_message])
            taken += room.take(batch.weight - taken)
    finally:
        room.give_back(taken)
    return batch
