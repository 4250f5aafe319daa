"""Reads of the event store that are whole or fail.

esdbclient takes a read that was cut off for one that ended. It cuts reads off itself: a call that finds the server away
makes a new connection and closes the old one, with everything that others still read on it. Half a history looks like a
whole one then, and none like a stream that does not exist.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import grpc
from esdbclient import AsyncEventStoreDBClient, RecordedEvent
from esdbclient.asyncio_client import autoreconnect, retrygrpc
from esdbclient.exceptions import GrpcError


class UnfinishedRead(GrpcError):
    """The read was cut off before its end: again."""


async def whole(reading: Any) -> AsyncGenerator[RecordedEvent, None]:
    """The events of esdbclient's response, which is stopped in the end. UnfinishedRead where it was cut off."""
    try:
        async for event in reading:
            yield event
        if await reading.aio_call.code() is not grpc.StatusCode.OK:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError
            raise UnfinishedRead
    finally:
        await reading.stop()


@retrygrpc
@autoreconnect
async def read_stream(
    client: AsyncEventStoreDBClient, stream: str, *, timeout: float, **what: Any
) -> list[RecordedEvent]:
    """`get_stream` of esdbclient, but never in part; made once more when it is cut off, as its other calls are.

    Gives up after `timeout` seconds.
    """
    reading = await client.read_stream(stream, timeout=timeout, **what)
    async with aclosing(whole(reading)) as events:
        return [event async for event in events]


@retrygrpc
@autoreconnect
async def newest_position(client: AsyncEventStoreDBClient, types: str) -> int:
    """The commit position of the newest event whose type matches the regex `types`; 0 if there is none."""
    reading = await client.read_all(backwards=True, filter_include=(types,), limit=1)
    async with aclosing(whole(reading)) as events:
        async for event in events:
            return event.commit_position or 0
    return 0
