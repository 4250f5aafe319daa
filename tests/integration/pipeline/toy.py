"""A service as small as can be, to try the chassis on: something is counted, and a mail asks for a prize at three."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import BaseModel

from shared.chassis.settings import ChassisSettings
from shared.chassis.worker_app import WorkerSpec, run_worker
from shared.events.base import REGISTRY, Event, Personal, event_type
from shared.events.topics import Topic, events_topic, parked_topic
from shared.kernel.automation import Automation, Cause, Issue, Mail, Reaction
from shared.kernel.decider import Decider, Projection

SERVICE = "toy"
TOPICS = (Topic(events_topic(SERVICE)), Topic(parked_topic(SERVICE)))


class Counted(Event):
    clinic_id: str
    step: int
    keeper: Personal[str] = None


class Praised(Event):
    clinic_id: str


class Forgotten(Event):
    clinic_id: str


class Hidden(Event):
    clinic_id: str


@contextmanager
def registered() -> Iterator[None]:
    """The toy's events exist only while a test of the chassis runs: the catalogue of the product does not know them."""
    before = dict(REGISTRY)
    if "toy.Counted.v1" in before:
        yield
        return
    event_type("toy.Counted.v1", subject="keeper:{clinic_id}")(Counted)
    event_type("toy.Praised.v1")(Praised)
    event_type("toy.Forgotten.v1", erases="keeper:{clinic_id}")(Forgotten)
    event_type("toy.Hidden.v1")(Hidden)
    try:
        yield
    finally:
        REGISTRY.clear()
        REGISTRY.update(before)


class Tally(BaseModel):
    total: int = 0
    steps: tuple[int, ...] = ()
    keeper: str | None = None


def evolve(tally: Tally | None, event: Counted) -> Tally | None:
    """A step of 13 breaks the handler; a step of 0 ends the document."""
    if event.step == 13:
        raise ArithmeticError("thirteen")
    if event.step == 0:
        return None
    known = tally or Tally()
    return Tally(total=known.total + event.step, steps=(*known.steps, event.step), keeper=event.keeper)


TALLIES = Projection("tallies", "tally", (Counted,), Tally, evolve, (("total",),))


@dataclass(frozen=True)
class Praise:
    clinic_id: str


def _decide(command: Praise, praised: bool) -> Sequence[Praised]:
    return [] if praised else [Praised(clinic_id=command.clinic_id)]


PRAISE = Decider[Praise, Praised, bool]("praise", False, _decide, lambda _state, _event: True)


def _react(cause: Cause[Counted], tallies: Tally | None) -> Sequence[Reaction]:
    if cause.event.step == 31:
        raise ArithmeticError("thirty-one")
    if cause.event.step != 3:
        return []
    total = tallies.total if tallies else 0
    mail = Mail(to="prize@clinic.example", subject=f"Three for {cause.local_id}", text=f"total {total}")
    return [Issue(PRAISE, cause.local_id, Praise(cause.clinic_id)), mail]


PRAISING = Automation(
    "when_three_counted_then_praise", Counted, _react, lambda cause: {"tallies": f"{cause.clinic_id}.{cause.local_id}"}
)
SPEC = WorkerSpec((SERVICE,), (TALLIES,), (PRAISING,), (Counted, Praised, Forgotten))


class ToySettings(ChassisSettings):
    service = SERVICE


if __name__ == "__main__":
    sys.modules["tests.integration.pipeline.toy"] = sys.modules["__main__"]
    with registered():
        run_worker(SPEC, ToySettings())
