"""What each step on an event's way through our own code costs, in CPU alone: no server, no socket, no waiting.

Fifty events at a time, the best of many times: a busy machine disturbs that least. What is not here is the work of the
servers, and of the libraries that wait for them.
"""

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from timeit import repeat
from typing import Any

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from benchmarks.bench import Bench
from benchmarks.measuring import Row, Side
from benchmarks.notes import Ready, notebook, passes, ready
from shared.chassis.codec import Codec, Draft
from shared.chassis.documents import Folded
from shared.events.base import Event
from shared.events.cloudevents import from_record, to_headers
from shared.events.envelope import StoredEvent
from shared.testing.memory import MemoryKeys

NEEDS = "nothing"
BOOK = notebook("benchstages")
AT_ONCE = 50
MAGIC, LARGEST = 2, 1 << 24


async def rows(bench: Bench) -> list[Row]:
    """In the order in which an event meets them."""
    codec, stored = Codec(MemoryKeys()), list(passes(BOOK, "", AT_ONCE, 1, AT_ONCE))
    records = ready(stored)
    batch = encoded(records)
    events = [BOOK.event.model_validate_json(each.data) for each in stored]
    documents = folded(stored, events)
    drafts = [Draft(each.stream, each.id, event) for each, event in zip(stored, events, strict=True)]
    steps: dict[str, Callable[[], object]] = {
        "API: event to JSON": lambda: now(codec.encode(drafts)),
        "relay: headers of a record": lambda: [to_headers(each, "/bench") for each in stored],
        "relay: record into a batch (aiokafka)": partial(encoded, records),
        "worker: record out of a batch (aiokafka)": lambda: list(DefaultRecordBatch(batch)),
        "worker: record to stored event": lambda: [from_record(each.data, headers) for each, headers in records],
        "worker: JSON to event (pydantic)": lambda: now(codec.events(stored)),
        "worker: fold into a new document": partial(folded, stored, events),
        "worker: document to BSON": lambda: [each.to_raw() for each in documents],
    }
    times = bench.sized(2_000, 20)
    return [Row(name, "us/event", Side("best", [best(step, times)])) for name, step in steps.items()]


def best(step: Callable[[], object], times: int) -> float:
    """Microseconds an event."""
    return min(repeat(step, number=1, repeat=times)) / AT_ONCE * 1e6


def now(work: Coroutine[Any, Any, object]) -> None:
    """Run what has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


def encoded(records: Ready) -> bytes:
    """As a producer sends them."""
    builder = DefaultRecordBatchBuilder(MAGIC, 0, 0, -1, -1, -1, LARGEST)
    for offset, (event, headers) in enumerate(records):
        builder.append(offset, 0, event.stream.encode(), event.data, headers)
    return bytes(builder.build())


def folded(stored: Sequence[StoredEvent], events: Sequence[Event]) -> list[Folded]:
    """A document for each event."""
    documents = [Folded(each.stream, -1, -1, None) for each in stored]
    for document, event in zip(documents, events, strict=True):
        assert document.take(BOOK.projection, 0, event) is None
    return documents
