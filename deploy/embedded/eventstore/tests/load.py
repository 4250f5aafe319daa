"""Load of a server that is about to die, and the check of what it acknowledged."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM
from threading import Thread
from uuid import UUID, uuid4

import grpc
from esdbclient import EventStoreDBClient, NewEvent, RecordedEvent, StreamState
from esdbclient.exceptions import EventStoreDBClientException
from esdbclient.protos.Grpc import streams_pb2, streams_pb2_grpc
from esdbclient.streams import StreamsService

from deploy.embedded.eventstore.tests.running import RunningServer, running

WRITERS = 6


@dataclass
class History:
    """Event ids by what their writer knows of them; `appends` holds those that were sent together."""

    sent: set[UUID] = field(default_factory=set)
    appends: list[set[UUID]] = field(default_factory=list)
    acknowledged: set[UUID] = field(default_factory=set)


def write_one_after_the_other(uri: str, stream: str, history: History) -> None:
    """Append one, two or three events at a time until the server is gone."""
    client = EventStoreDBClient(uri)
    for number in range(100_000):
        events = [NewEvent("Counted", b'{"n": %d}' % number) for _ in range(number % 3 + 1)]
        ids = {event.id for event in events}
        history.sent |= ids
        history.appends.append(ids)
        try:
            client.append_to_stream(stream, current_version=StreamState.ANY, events=events, timeout=5)
        except EventStoreDBClientException:
            break
        history.acknowledged |= ids
    client.close()


def write_pipelined(address: str, prefix: str, history: History) -> None:
    """Send appends of one event to many streams on one call, without waiting for the answers."""
    by_correlation: dict[str, UUID] = {}

    def requests() -> Iterator[streams_pb2.BatchAppendReq]:
        for number in range(100_000):
            event, correlation = NewEvent("Pipelined", b"{}"), uuid4()
            history.sent.add(event.id)
            by_correlation[str(correlation)] = event.id
            yield StreamsService._construct_batch_append_req(
                f"{prefix}{number}", StreamState.NO_STREAM, [event], correlation, 60
            )

    with grpc.insecure_channel(address) as channel:
        stub = streams_pb2_grpc.StreamsStub(channel)  # type: ignore[no-untyped-call]
        try:
            for answer in stub.BatchAppend(requests()):
                assert answer.WhichOneof("result") == "success"
                history.acknowledged.add(by_correlation[answer.correlation_id.string])
        except grpc.RpcError:
            return


@contextmanager
def load(server: RunningServer, history: History, round_number: int) -> Iterator[None]:
    """Writers at work while the body runs; leave it with the server dead, or dying."""
    writers = [
        Thread(target=write_one_after_the_other, args=(server.uri, f"counted-{number}", history))
        for number in range(WRITERS)
    ]
    prefix = f"pipelined-{round_number}."
    writers.append(Thread(target=write_pipelined, args=(server.address, prefix, history)))
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        for writer in writers:
            writer.join(20)


def stored_events(data: Path) -> list[RecordedEvent]:
    with running(data) as server:
        client = EventStoreDBClient(server.uri)
        found = list(client.read_all(timeout=30))
        client.close()
        server.signal(SIGTERM)
    return found


def check(history: History, events: list[RecordedEvent]) -> None:
    """Acknowledged means there; nobody's event is there; nothing is there twice, halved or out of order."""
    times = Counter(event.id for event in events)
    stored = set(times)
    assert history.acknowledged <= stored, "acknowledged events are missing"
    assert stored <= history.sent, "there are events that nobody sent"
    assert set(times.values()) <= {1}, "there are events twice"
    assert all(ids <= stored or ids.isdisjoint(stored) for ids in history.appends), "an append was split"
    check_order(events)


def check_order(events: list[RecordedEvent]) -> None:
    """Positions rise, and every stream counts from 0 without a gap."""
    positions = [event.commit_position or 0 for event in events]
    assert positions == sorted(set(positions))
    revisions = defaultdict[str, list[int]](list)
    for event in events:
        revisions[event.stream_name].append(event.stream_position)
    assert all(found == list(range(len(found))) for found in revisions.values())
