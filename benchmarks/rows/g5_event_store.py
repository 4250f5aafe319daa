"""G5: the embedded event store beside a server that answers the same calls and stores nothing.

The idle server is the cost of gRPC and of the client alone, which the store cannot go below.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from uuid import uuid4

import grpc.aio
from esdbclient import AsyncEventStoreDBClient, NewEvent, StreamState
from esdbclient.protos.Grpc import streams_pb2, streams_pb2_grpc
from esdbclient.streams import AsyncStreamsService

from benchmarks.bench import Bench, first_line, process
from benchmarks.measuring import Goal, Row, Side, at_least, in_turns, percentile

NEEDS = "nothing"
DATA = json.dumps({"patient_id": "p-1", "name": "Rex", "note": "x" * 150}).encode()
UNANSWERED = 1_000


def event() -> NewEvent:
    return NewEvent(type="bench.Happened.v1", data=DATA, metadata=b"{}")


async def append(client: AsyncEventStoreDBClient, events: int = 1) -> None:
    """To a new stream."""
    some = [event() for _ in range(events)]
    await client.append_to_stream(f"b-{uuid4()}", current_version=StreamState.NO_STREAM, events=some)


async def sequential(client: AsyncEventStoreDBClient, _at: str, count: int) -> None:
    for _ in range(count):
        await append(client)


async def concurrent(client: AsyncEventStoreDBClient, at: str, count: int) -> None:
    await asyncio.gather(*(sequential(client, at, count // 32) for _ in range(32)))


async def hundreds(client: AsyncEventStoreDBClient, _at: str, count: int) -> None:
    for _ in range(count // 100):
        await append(client, 100)


async def read_all(client: AsyncEventStoreDBClient, _at: str, count: int) -> None:
    seen = [each async for each in await client.read_all(limit=count)]
    assert len(seen) == count


async def pipelined(_client: AsyncEventStoreDBClient, at: str, count: int) -> None:
    """One call, an append for each new stream, at most 1,000 of them unanswered."""
    window = asyncio.Semaphore(UNANSWERED)
    async with grpc.aio.insecure_channel(at) as channel:
        call = streams_pb2_grpc.StreamsStub(channel).BatchAppend()  # type: ignore[no-untyped-call]

        async def send() -> None:
            for _ in range(count):
                await window.acquire()
                await call.write(request())
            await call.done_writing()

        sending, answered = asyncio.create_task(send()), 0
        while (reply := await call.read()) is not grpc.aio.EOF:
            assert reply.WhichOneof("result") == "success", reply
            answered += 1
            window.release()
        await sending
    assert answered == count


def request() -> streams_pb2.BatchAppendReq:
    return AsyncStreamsService._construct_batch_append_req(f"b-{uuid4()}", StreamState.NO_STREAM, [event()], uuid4())


Scenario = Callable[[AsyncEventStoreDBClient, str, int], Awaitable[None]]
SCENARIOS: dict[str, tuple[Scenario, int, Goal | None]] = {
    "G5 append, one caller": (sequential, 400, at_least(0.6)),
    "G5 append, 32 callers": (concurrent, 1_280, at_least(0.8)),
    "append, pipelined in one call": (pipelined, 4_000, None),
    "append, 100 events each": (hundreds, 6_000, None),
    "read $all": (read_all, 6_000, None),
}


async def rows(bench: Bench) -> list[Row]:
    """Events/s of each scenario; then how long a subscriber waits for an event."""
    with (
        process("benchmarks.processes.idle_event_store") as idle,
        process("deploy.embedded.eventstore", "--port", "0", "--data", str(bench.folder)) as store,
    ):
        places = {"store": first_line(store).split()[-1], "idle": first_line(idle).split()[-1]}
        clients = {name: AsyncEventStoreDBClient(f"esdb://{at}?Tls=false") for name, at in places.items()}
        for client in clients.values():
            await client.connect()
        found = [await compared(bench, places, clients, name) for name in SCENARIOS]
        found.append(await live(clients["store"], bench.sized(300, 10)))
        for client in clients.values():
            await client.close()
    return found


async def compared(bench: Bench, places: dict[str, str], clients: dict[str, AsyncEventStoreDBClient], name: str) -> Row:
    work, full, goal = SCENARIOS[name]
    count = bench.sized(full, 320 if work is concurrent else 100)
    sides = {side: partial(rate, work, clients[side], at, count) for side, at in places.items()}
    values = await in_turns(sides, bench.rounds)
    return Row(name, "events/s", Side("store", values["store"]), Side("idle server", values["idle"]), goal)


async def rate(work: Scenario, client: AsyncEventStoreDBClient, at: str, count: int) -> float:
    began = perf_counter()
    await work(client, at, count)
    return count / (perf_counter() - began)


async def live(client: AsyncEventStoreDBClient, count: int) -> Row:
    """Milliseconds from the start of an append until a subscriber has its event."""
    waits: list[float] = []
    async with await client.subscribe_to_all(from_end=True) as subscription:
        for _ in range(count):
            began = perf_counter()
            sending = asyncio.create_task(append(client))
            await anext(subscription)
            waits.append((perf_counter() - began) * 1000)
            await sending
    note = f"p99 {percentile(waits, 0.99):.1f} ms"
    return Row("append to subscriber, p50", "ms", Side("store", [percentile(waits, 0.5)]), note=note)
