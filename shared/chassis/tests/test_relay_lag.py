"""What operators are told of a relay's lag is so however far it is behind, and whoever leads."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from shared.chassis.clock import Clock, use_clock
from shared.chassis.relay_lag import RelayLag
from shared.events.pims_sync import SyncRunAbandoned
from shared.testing.clocks import NOON
from shared.testing.memory import MemoryEventStore

pytestmark = pytest.mark.anyio
SERVICE = "pims-sync"


@dataclass
class Moment:
    now: datetime = NOON


@pytest.fixture(autouse=True)
def moment() -> Iterator[Moment]:
    moment = Moment()
    with use_clock(Clock(now=lambda: moment.now)):
        yield moment


@pytest.fixture
async def store() -> MemoryEventStore:
    store = MemoryEventStore()
    event = SyncRunAbandoned(clinic_id="elm", run_id="1", reason="", abandoned_at=NOON)
    await store.given("feed-elm", event, event, event)
    return store


def told(name: str) -> float | None:
    return REGISTRY.get_sample_value(f"vetwire_relay_{name}", {"service": SERVICE})


async def test_a_relay_that_has_published_all_is_not_behind(store: MemoryEventStore, moment: Moment) -> None:
    lag = RelayLag(SERVICE, store, r"pims-sync\..*")
    assert told("leading") == 0
    lag.start(store.log[-1].position)
    await lag.measure()
    assert (told("leading"), told("lag_events"), told("lag_seconds")) == (1, 0, 0)
    assert told("position") == told("head") == store.log[-1].position


async def test_a_window_under_way_is_as_old_as_its_first_event(store: MemoryEventStore, moment: Moment) -> None:
    lag = RelayLag(SERVICE, store, r"pims-sync\..*")
    lag.start(None)
    lag.publishing(store.log[:2], 1)
    moment.now = NOON + timedelta(seconds=90)
    await lag.measure()
    assert (told("lag_events"), told("lag_seconds"), told("position")) == (3, 90, 0)
    lag.published(store.log[1].position, 1)
    await lag.measure()
    assert (told("lag_events"), told("position"), told("head")) == (1, store.log[1].position, store.log[2].position)


async def test_a_relay_that_reads_nothing_more_is_late_from_when_that_is_seen(
    store: MemoryEventStore, moment: Moment
) -> None:
    """A subscription that died without a word has nothing in hand: the store tells that there is something."""
    lag = RelayLag(SERVICE, store, r"pims-sync\..*")
    lag.start(store.log[0].position)
    await lag.measure()
    assert told("lag_seconds") == 0
    moment.now = NOON + timedelta(seconds=30)
    await lag.measure()
    assert told("lag_seconds") == 30
    lag.published(store.log[-1].position, 0)
    await lag.measure()
    assert told("lag_seconds") == 0


async def test_who_does_not_lead_any_more_tells_nothing_that_was_once_true(
    store: MemoryEventStore, moment: Moment
) -> None:
    lag = RelayLag(SERVICE, store, r"pims-sync\..*")
    lag.start(None)
    await lag.measure()
    lag.stop()
    lag.stop()
    assert told("leading") == 0
    assert {told(name) for name in ("lag_events", "lag_seconds", "position", "head")} == {None}
