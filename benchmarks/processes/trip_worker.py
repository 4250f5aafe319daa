"""The worker process of `trip`. Says of every document that MongoDB acknowledged: key, revision, and when.

The clock is the machine's monotonic one, which all its processes share.
"""

from time import perf_counter
from typing import Any

from pymongo import monitoring
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from benchmarks.trip import BOOK, SERVICE, TripSettings
from shared.chassis.worker_app import WorkerSpec, run_worker

VIEW = BOOK.projection.collection


class Witness(CommandListener):
    """Remembers what a command writes until it is answered."""

    def __init__(self) -> None:
        self._writes: dict[int, list[tuple[str, int]]] = {}

    def started(self, event: CommandStartedEvent) -> None:
        if event.command.get(event.command_name) == VIEW:
            self._writes[event.request_id] = [_key_and_revision(each) for each in _documents(event.command)]

    def succeeded(self, event: CommandSucceededEvent) -> None:
        at = perf_counter()
        for key, revision in self._writes.pop(event.request_id, ()):
            print("visible", key, revision, at, flush=True)

    def failed(self, event: CommandFailedEvent) -> None:
        self._writes.pop(event.request_id, None)


def _documents(command: Any) -> list[Any]:
    return [*command.get("documents", ()), *(update["u"] for update in command.get("updates", ()))]


def _key_and_revision(document: Any) -> tuple[str, int]:
    return str(document["_id"]), int(document["_rev"])


if __name__ == "__main__":
    monitoring.register(Witness())
    run_worker(WorkerSpec((SERVICE,), (BOOK.projection,), (), (BOOK.event,)), TripSettings())
