"""The embedded event store beside a server that does nothing, in interleaved rounds.

`python -m benchmarks.event_store [--rounds 3] [--uri esdb://host:port]` prints operations per second and
the ratio to `idle_event_store`, which answers the same calls without storing anything: the cost of
gRPC and of the client alone. Writes benchmarks/results/event_store.json.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc.aio
from esdbclient import AsyncEventStoreDBClient, NewEvent, StreamState
from esdbclient.protos.Grpc import streams_pb2, streams_pb2_grpc
from esdbclient.streams import AsyncStreamsService

DATA = json.dumps({"patient_id": "p-1", "name": "Rex", "note": "x" * 150}).encode()
READ_EVENTS = 10_000


def event() -> NewEvent:
    return NewEvent(type="bench.Happened.v1", data=DATA, metadata=b"{}")


def append_request(stream: str, count: int = 1) -> streams_pb2.BatchAppendReq:
    return AsyncStreamsService._construct_batch_append_req(
        stream, StreamState.NO_STREAM, [event() for _ in range(count)], uuid4()
    )


async def append_one(client: AsyncEventStoreDBClient) -> None:
    await client.append_to_stream(f"b-{uuid4()}", current_version=StreamState.NO_STREAM, events=[event()])


async def sequential(client: AsyncEventStoreDBClient, _target: str) -> float:
    start = time.perf_counter()
    for _ in range(400):
        await append_one(client)
    return 400 / (time.perf_counter() - start)


async def concurrent(client: AsyncEventStoreDBClient, _target: str) -> float:
    async def some() -> None:
        for _ in range(40):
            await append_one(client)

    start = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(32)))
    return 32 * 40 / (time.perf_counter() - start)


async def pipelined(_client: AsyncEventStoreDBClient, target: str) -> float:
    """One call, 5,000 appends of one event to 5,000 streams, at most 1,000 of them unanswered."""
    requests = [append_request(f"b-{uuid4()}") for _ in range(5000)]
    window = asyncio.Semaphore(1000)
    async with grpc.aio.insecure_channel(target) as channel:
        call = streams_pb2_grpc.StreamsStub(channel).BatchAppend()  # type: ignore[no-untyped-call]

        async def send() -> None:
            for request in requests:
                await window.acquire()
                await call.write(request)
            await call.done_writing()

        start = time.perf_counter()
        sending = asyncio.create_task(send())
        answered = 0
        while (reply := await call.read()) is not grpc.aio.EOF:
            assert reply.WhichOneof("result") == "success", reply
            answered += 1
            window.release()
        await sending
    assert answered == len(requests)
    return answered / (time.perf_counter() - start)


async def hundred_each(client: AsyncEventStoreDBClient, _target: str) -> float:
    start = time.perf_counter()
    for _ in range(60):
        events = [event() for _ in range(100)]
        await client.append_to_stream(f"b-{uuid4()}", current_version=StreamState.NO_STREAM, events=events)
    return 6000 / (time.perf_counter() - start)


async def read_all(client: AsyncEventStoreDBClient, _target: str) -> float:
    start = time.perf_counter()
    seen = [e async for e in await client.read_all(limit=READ_EVENTS)]
    return len(seen) / (time.perf_counter() - start)


SCENARIOS: dict[str, Callable[[AsyncEventStoreDBClient, str], Awaitable[float]]] = {
    "sequential append": sequential,
    "32 concurrent appends": concurrent,
    "pipelined, one call": pipelined,
    "100 events per append": hundred_each,
    "read $all": read_all,
}


async def live_latency(client: AsyncEventStoreDBClient) -> list[float]:
    """Milliseconds from the start of an append until a subscriber has its event."""
    latencies: list[float] = []
    async with await client.subscribe_to_all(from_end=True) as subscription:
        for _ in range(300):
            start = time.perf_counter()
            sending = asyncio.create_task(append_one(client))
            await anext(subscription)
            latencies.append((time.perf_counter() - start) * 1000)
            await sending
    return latencies


@contextmanager
def running(command: list[str]) -> Iterator[str]:
    """Start a server that prints its address at the end of its first line."""
    with subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


async def measure(store: str, idle: str, rounds: int) -> dict[str, Any]:
    figures: dict[str, dict[str, list[float]]] = {name: {"store": [], "idle": []} for name in SCENARIOS}
    clients = {"store": AsyncEventStoreDBClient(f"esdb://{store}?Tls=false")}
    clients["idle"] = AsyncEventStoreDBClient(f"esdb://{idle}?Tls=false")
    for client in clients.values():
        await client.connect()
    for _ in range(rounds):
        for name, scenario in SCENARIOS.items():
            for which, target in (("store", store), ("idle", idle)):
                figures[name][which].append(await scenario(clients[which], target))
    latencies = sorted(await live_latency(clients["store"]))
    for client in clients.values():
        await client.close()
    live = {"p50_ms": statistics.median(latencies), "p99_ms": latencies[int(len(latencies) * 0.99)]}
    return {"per_second": figures, "live": live}


def report(result: dict[str, Any]) -> None:
    print(f"{'':24}{'store/s':>10}{'idle/s':>10}{'ratio':>8}   range of the store")
    for name, both in result["per_second"].items():
        store, idle = statistics.median(both["store"]), statistics.median(both["idle"])
        spread = f"{min(both['store']):,.0f}-{max(both['store']):,.0f}"
        print(f"{name:24}{store:10,.0f}{idle:10,.0f}{store / idle:8.2f}   {spread}")
    live = result["live"]
    print(f"append to subscriber: p50 {live['p50_ms']:.1f} ms, p99 {live['p99_ms']:.1f} ms")
    path = Path(__file__).parent / "results" / "event_store.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1))


async def compare(rounds: int, uri: str | None) -> None:
    with tempfile.TemporaryDirectory() as data:
        command = ["deploy.embedded.eventstore", "--port", "0", "--data", data]
        with running(["benchmarks.idle_event_store"]) as idle, running(command) as own:
            report(await measure(uri.removeprefix("esdb://") if uri else own, idle, rounds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--uri", help="another store to measure, without TLS")
    given = parser.parse_args()
    asyncio.run(compare(given.rounds, given.uri))
