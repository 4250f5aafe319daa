"""A worker's lag is so before it has handled anything, after a quiet hour, and when partitions change hands."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY
from pydantic import BaseModel

from shared.chassis.clock import Clock, use_clock
from shared.chassis.worker_lag import WorkerLag
from shared.events.pims_sync import SyncRunAbandoned
from shared.kernel.decider import Projection
from shared.testing.clocks import NOON

ONE, TWO = TopicPartition("pims-sync.events", 0), TopicPartition("portal.events", 1)
FEEDS: Any = SimpleNamespace(
    name="feeds", projection=Projection("feeds", "feed", (SyncRunAbandoned,), BaseModel, lambda view, _event: view)
)


@dataclass
class Moment:
    now: datetime = NOON

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def moment() -> Iterator[Moment]:
    moment = Moment()
    with use_clock(Clock(now=lambda: moment.now)):
        yield moment


def told(tp: TopicPartition) -> tuple[float | None, float | None]:
    labels = {"service": "demo", "topic": tp.topic, "partition": str(tp.partition)}
    found = [REGISTRY.get_sample_value(f"vetwire_worker_lag_{what}", labels) for what in ("events", "seconds")]
    return found[0], found[1]


def of_view() -> tuple[float | None, float | None]:
    labels = {"service": "demo", "projection": "feeds"}
    found = [REGISTRY.get_sample_value(f"vetwire_projection_lag_{what}", labels) for what in ("events", "seconds")]
    return found[0], found[1]


def test_what_waits_at_the_start_is_counted_before_anything_is_handled(moment: Moment) -> None:
    lag = WorkerLag("demo")
    lag.begin({ONE: 10, TWO: 0})
    moment.passes(40)
    assert lag.measure({ONE: 25, TWO: 3}, {}, [FEEDS]) == 18
    assert (told(ONE), told(TWO), of_view()) == ((15, 40), (3, 40), (15, 40))


def test_after_a_quiet_hour_a_new_record_has_not_waited_for_an_hour(moment: Moment) -> None:
    lag, handled = WorkerLag("demo"), {ONE: (9, NOON)}
    lag.begin({ONE: 0})
    assert lag.measure({ONE: 10}, handled, []) == 0
    moment.passes(3600)
    lag.measure({ONE: 10}, handled, [])
    moment.passes(5)
    lag.measure({ONE: 11}, handled, [])
    assert told(ONE) == (1, 5)


def test_while_it_catches_up_it_is_as_late_as_what_it_handles(moment: Moment) -> None:
    lag = WorkerLag("demo")
    moment.passes(7200)
    lag.begin({ONE: 0})
    lag.measure({ONE: 100}, {ONE: (49, NOON + timedelta(seconds=3600))}, [])
    assert told(ONE) == (50, 3600)


def test_a_partition_that_another_worker_has_now_is_not_told_any_more(moment: Moment) -> None:
    lag = WorkerLag("demo")
    lag.begin({ONE: 0, TWO: 0})
    lag.measure({ONE: 5, TWO: 5}, {}, [])
    assert lag.measure({ONE: 5}, {}, []) == 5
    assert (told(ONE), told(TWO)) == ((5, 0), (None, None))
