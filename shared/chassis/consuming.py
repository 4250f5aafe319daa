"""Faust without its stream: group, assignment, rebalance and commits are Faust's, records come in batches (ADR 17).

A stream costs about 100 us for each record, whatever is done with it; a batch costs as much once.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any

import faust
from aiokafka import ConsumerRecord, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

Deliver = Callable[[Sequence[ConsumerRecord]], Awaitable[None]]
StartingPoints = Callable[[Iterable[TopicPartition]], Awaitable[dict[TopicPartition, int]]]
_FETCH_SECONDS = 1.0


class Consumer(driver.Consumer):
    """Starts from the positions beside the read models; one window at a time is under way, and none waits behind it.

    So what is revoked is at most the window under way: its writes are guarded by revision, and whoever has the
    partition next may write them once more.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._next: dict[TP, int] = {}
        """For each partition that we were told to read the offset behind the last record that was handled."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Not to what Kafka was told, but to what the database says that it has seen."""
        await super().seek_to_committed()
        app = self.app
        assert isinstance(app, App)
        wanted = await app.starting_points({TopicPartition(*tp) for tp in self.assignment()})
        offsets = {TP(tp.topic, tp.partition): offset for tp, offset in wanted.items()}
        self._read_offset.clear()
        await self.seek_wait(offsets)
        self._next = dict(offsets)
        return offsets

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """From now on their records are not ours: what was fetched and not yet delivered is dropped."""
        for tp in revoked:
            self._next.pop(tp, None)
        await super().on_partitions_revoked(revoked)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Faust's fetcher runs this for as long as the worker lives."""
        app = self.app
        assert isinstance(app, App)
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                fetched, _ = await self._wait_next_records(timeout=_FETCH_SECONDS)
                # A flow that was stopped meanwhile goes on from the positions that are sought then.
                mine = {tp: records for tp, records in (fetched or {}).items() if tp in self._next and records}
                if mine and self.flow_active:
                    await app.deliver([record for records in mine.values() for record in records])
                    self._note({tp: records[-1].offset + 1 for tp, records in mine.items()})
                await self.sleep(0)
        except self.consumer_stopped_errors:
            if not app.should_stop:
                raise

    def _note(self, handled: Mapping[TP, int]) -> None:
        """What may be committed now, unless it was revoked meanwhile."""
        now = monotonic()
        for tp, following in handled.items():
            self.app.monitor.stream_inbound_time[tp] = now  # else Faust takes the partition for stuck, and logs it
            if tp in self._next:
                self._next[tp] = following

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Any:
        return list(self._next)

    def _new_offset(self, tp: TP) -> int | None:
        return self._next.get(tp)


class _Transport(driver.Transport):
    Consumer = Consumer


class App(faust.App):
    """`deliver` gets windows of raw records and returns when they are written; it must not raise."""

    starting_points: StartingPoints
    deliver: Deliver

    def _new_transport(self) -> driver.Transport:
        return _Transport(self.conf.broker_consumer, self)
