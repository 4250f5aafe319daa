"""The Delete and Tombstone calls."""

from typing import Any

from esdbclient.protos.Grpc import streams_pb2

from deploy.embedded.eventstore import replies
from deploy.embedded.eventstore.append import write
from deploy.embedded.eventstore.batches import expected_version
from deploy.embedded.eventstore.errors import WrongVersionError
from deploy.embedded.eventstore.group import Kind, Work, WrongVersion
from deploy.embedded.eventstore.wire import stream_name
from deploy.embedded.eventstore.writer import Writer

Options = streams_pb2.DeleteReq.Options | streams_pb2.TombstoneReq.Options


class Deletes:
    """Serves Delete and Tombstone."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def delete(self, request: streams_pb2.DeleteReq, _context: Any) -> bytes:
        return replies.delete_reply(await self._write(Kind.DELETE, request.options))

    async def tombstone(self, request: streams_pb2.TombstoneReq, _context: Any) -> bytes:
        return replies.tombstone_reply(await self._write(Kind.TOMBSTONE, request.options))

    async def _write(self, kind: Kind, options: Options) -> int:
        """Give the position of the event that deletes the stream."""
        expected = expected_version(options.WhichOneof("expected_stream_revision"), options.revision)
        work = Work(stream_name(options.stream_identifier), expected, kind=kind)
        outcome = await write(self._writer, work)
        if isinstance(outcome, WrongVersion):
            raise WrongVersionError(work.stream, expected, outcome.actual)
        return outcome.position
