"""A service for one command, on its way from HTTP to a document: what its two processes and its rows share."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.notes import Noted, notebook
from shared.chassis.settings import ChassisSettings
from shared.kernel.decider import Decider

SERVICE = "benchtrip"
BOOK = notebook(SERVICE)


class TripSettings(ChassisSettings):
    service = SERVICE


@dataclass(frozen=True)
class Note:
    """Write something down."""

    number: str


def _decide(command: Note, steps: int) -> Sequence[Noted]:
    return [BOOK.noted(command.number, steps)]


SHEET = Decider[Note, Noted, int](SERVICE, 0, _decide, lambda steps, _event: steps + 1)
