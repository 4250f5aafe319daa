"""The toy's worker with a defect: `VETWIRE_DEFECT` names a known one of a library, or a mistake of our own."""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka.consumer.fetcher import PartitionRecords

from shared.chassis.following import Follower
from shared.chassis.worker_app import run_worker
from tests.integration.pipeline import toy

RAISING, SKIPPED = 606, 1173
"""Steps of the events that the defects are about."""


def raise_once() -> None:
    """The handler of windows raises, as none should (faust #606)."""
    handle = Follower.handle

    async def raising(self: Follower, window: Sequence[ConsumerRecord]) -> None:
        if any(_has(record, RAISING) for record in window):
            raise RuntimeError("a handler that raises")
        await handle(self, window)

    setattr(Follower, "handle", raising)  # noqa: B010  # an assignment is a type error


def skip_records() -> None:
    """The fetcher goes past a record without giving it to anybody (aiokafka #1173)."""
    unpack = PartitionRecords._unpack_records

    def lossy(self: Any) -> Iterator[Any]:
        return (record for record in unpack(self) if not _has(record, SKIPPED))

    PartitionRecords._unpack_records = lossy


def _has(record: Any, step: int) -> bool:
    return f'"step":{step},'.encode() in (record.value or b"")


DEFECTS = {"faust-606": raise_once, "aiokafka-1173": skip_records}

if __name__ == "__main__":
    sys.modules["tests.integration.faults.defective_toy"] = sys.modules["__main__"]
    DEFECTS[os.environ["VETWIRE_DEFECT"]]()
    with toy.registered():
        run_worker(toy.SPEC, toy.ToySettings())
