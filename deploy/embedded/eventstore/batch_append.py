"""The BatchAppend call: many appends on one call, answered as they are committed."""

import asyncio
import logging
import time
from collections import deque
from functools import partial
from typing import Any

import grpc
from esdbclient.protos.Grpc import streams_pb2

from deploy.embedded.eventstore import replies
from deploy.embedded.eventstore.append import outcome_of
from deploy.embedded.eventstore.batches import EVENT_BYTES, Batch, Room, expected_version
from deploy.embedded.eventstore.errors import InvalidRequestError, QueueFullError, RefusedError, TooBigError
from deploy.embedded.eventstore.group import Outcome, Work
from deploy.embedded.eventstore.wire import parse_uuid, stream_name
from deploy.embedded.eventstore.writer import Writer

logger = logging.getLogger(__name__)

Request = streams_pb2.BatchAppendReq

CALL_REQUESTS = 1024
CALL_OPEN_APPENDS = 64
"""How many appends of one call may wait for the disk, and how many may be half sent."""


class BatchAppends:
    """Serves BatchAppend."""

    def __init__(self, writer: Writer, room: Room) -> None:
        self._writer = writer
        self._room = room
        self._calls = 0

    async def batch_append(self, _requests: Any, context: Any) -> None:
        self._calls += 1
        try:
            await self._serve(context)
        finally:
            self._calls -= 1

    async def _serve(self, context: Any) -> None:
        """Most calls carry one request: it is answered before anything is set up for more of them."""
        request = await context.read()
        if request is not grpc.aio.EOF and request.is_final:
            await context.write(await self._answer(request))
            request = await context.read()
        if request is not grpc.aio.EOF:
            await self._serve_many(request, context)

    async def _serve_many(self, request: Request, context: Any) -> None:
        call = BatchCall(context, self._writer, self._room)
        try:
            await call.serve(request)
        except RefusedError:
            await call.finish_sending()
            raise
        finally:
            call.close()

    async def _answer(self, request: Request) -> bytes:
        try:
            append = Append(request)
            append.add(request)
            if append.refusal is not None:
                return append.refusal
            work = append.work()
        except InvalidRequestError as error:
            return replies.batch_bad_request(request, str(error))
        return replies.batch_reply(request, await outcome_of(self._writer, work, alone=self._calls == 1))


class Append:
    """One append of a call; `first` is the request that brought its options."""

    __slots__ = ("batch", "first", "refusal", "taken")

    def __init__(self, first: Request) -> None:
        self.first = first
        self.batch = Batch()
        self.refusal: bytes | None = None
        self.taken = 0

    def add(self, request: Request) -> None:
        """Take the events; an append refused once takes no more."""
        if self.refusal is not None:
            return
        try:
            self.batch.add(request.proposed_messages)
        except TooBigError:
            self.refusal = replies.batch_too_big(self.first)
        except InvalidRequestError as error:
            self.refusal = replies.batch_bad_request(self.first, str(error))

    def set_aside(self, room: Room) -> None:
        """Wait for the rest, keeping no more of the first request than answers need. Errors: QueueFullError."""
        self.taken = 0
        self.taken = room.take(self.batch.weight + EVENT_BYTES)
        if self.first.proposed_messages:
            self.first = Request(correlation_id=self.first.correlation_id, options=self.first.options)

    def work(self) -> Work:
        """Errors: InvalidRequestError."""
        options = self.first.options
        return Work(
            stream_name(options.stream_identifier),
            expected_version(options.WhichOneof("expected_stream_position"), options.stream_position),
            events=self.batch.events,
            size=self.batch.weight,
            deadline=_deadline(options),
        )


def _deadline(options: Request.Options) -> float:
    """The latest moment to write, on the monotonic clock."""
    match options.WhichOneof("deadline_option"):
        case "deadline":
            left = options.deadline.seconds + options.deadline.nanos / 1e9
        case "deadline_21_10_0":
            until = options.deadline_21_10_0
            left = until.seconds + until.nanos / 1e9 - time.time()
        case _:
            return float("inf")
    return time.monotonic() + left if left > 0 else 0.0


def _correlation(request: Request) -> bytes:
    """Errors: InvalidRequestError."""
    return parse_uuid(request.correlation_id)[0]


class BatchCall:
    """Queues requests as they come; the writer keeps their order, so each stream sees it too.

    Nobody but `_send` writes to the call: gRPC allows one write at a time.
    """

    def __init__(self, context: Any, writer: Writer, room: Room) -> None:
        self._context = context
        self._writer = writer
        self._room = room
        self._open: dict[bytes, Append] = {}
        self._outstanding = 0
        self._replies: deque[bytes] = deque()
        self._sender: asyncio.Task[None] | None = None
        self._reading = True
        self._answered = asyncio.Event()
        self._closed = False

    async def serve(self, request: Request) -> None:
        """`request` is the first of them."""
        while request is not grpc.aio.EOF:
            self._accept(request)
            if self._outstanding >= CALL_REQUESTS or self._writer.full or len(self._open) > CALL_OPEN_APPENDS:
                await self._make_room()
            request = await self._context.read()
        self._reading = False
        await self._finish()

    async def finish_sending(self) -> None:
        """The status of a call cannot be sent while a reply is: gRPC would send neither, and the client would wait."""
        if self._sender is not None:
            await self._sender

    def close(self) -> None:
        """Send nothing more; what is queued may still be committed."""
        self._closed = True
        for append in self._open.values():
            self._room.give_back(append.taken)
        if self._sender is not None:
            self._sender.cancel()

    def _accept(self, request: Request) -> None:
        self._outstanding += 1
        try:
            self._add(request)
        except InvalidRequestError as error:
            self._reply(replies.batch_bad_request(request, str(error)))

    def _add(self, request: Request) -> None:
        correlation = _correlation(request) if self._open or not request.is_final else b""
        append = self._open.pop(correlation, None) or Append(request)
        self._room.give_back(append.taken)
        append.add(request)
        if not request.is_final:
            append.set_aside(self._room)
            self._open[correlation] = append
            self._outstanding -= 1
        elif append.refusal is not None:
            self._reply(append.refusal)
        else:
            work = append.work()
            work.done = partial(self._done, append.first)
            self._writer.submit(work)

    def _done(self, first: Request, outcome: Outcome) -> None:
        if not self._closed:
            self._reply(replies.batch_reply(first, outcome))

    def _reply(self, reply: bytes) -> None:
        self._replies.append(reply)
        self._answered.set()
        if self._reading and self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send_while_reading())

    async def _send_while_reading(self) -> None:
        try:
            await self._send()
        except Exception:  # the client went away; reading ends this call
            logger.debug("a reply could not be sent", exc_info=True)
        finally:
            self._sender = None

    async def _send(self) -> None:
        while self._replies:
            self._outstanding -= 1
            await self._context.write(self._replies.popleft())
        self._answered.clear()

    async def _finish(self) -> None:
        """Answer what is left. After the last request this task can write itself, which is cheaper."""
        await self.finish_sending()
        while self._outstanding:
            await self._answered.wait()
            await self._send()

    async def _make_room(self) -> None:
        """Read no further until this call has nothing waiting; refuse if the queue is full all the same."""
        if len(self._open) > CALL_OPEN_APPENDS:
            raise InvalidRequestError("too many appends were begun and not finished")
        while self._outstanding > CALL_REQUESTS // 2 or (self._writer.full and self._outstanding):
            await self._answered.wait()
            await self.finish_sending()
        if self._writer.full:
            raise QueueFullError
