"""How far a worker is behind its topics, partition by partition, from the moment it is given one."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime

from shared.chassis import clock, metrics
from shared.chassis.documents import AnyProjection
from shared.chassis.kafka import TopicPartition
from shared.chassis.projections import Projector
from shared.events.topics import events_topic

Handled = Mapping[TopicPartition, tuple[int, datetime]]


class WorkerLag:
    """The gauges of one worker. A partition that it lost is another's to tell."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._begun: dict[TopicPartition, int] = {}
        self._begun_at: dict[TopicPartition, datetime] = {}
        self._current_at: dict[TopicPartition, datetime] = {}
        self._told: set[TopicPartition] = set()

    def begin(self, starts: Mapping[TopicPartition, int]) -> None:
        """These partitions were assigned, to be read from these offsets on."""
        self._begun |= starts
        self._begun_at |= dict.fromkeys(starts, clock.now())

    def measure(self, ends: Mapping[TopicPartition, int], handled: Handled, projectors: Iterable[Projector]) -> int:
        """Set the gauges from the offsets that the next records will have; how many records wait."""
        lags = {tp: max(0, end - self._next(tp, handled)) for tp, end in ends.items()}
        seconds = {tp: self._seconds(tp, lag, handled) for tp, lag in lags.items()}
        for tp, lag in lags.items():
            labels = (self._service, tp.topic, str(tp.partition))
            metrics.WORKER_LAG_EVENTS.labels(*labels).set(lag)
            metrics.WORKER_LAG_SECONDS.labels(*labels).set(seconds[tp])
        self._forget(self._told - lags.keys())
        self._told = set(lags)
        for projector in projectors:
            mine = [tp for tp in lags if tp.topic in topics_of(projector.projection)]
            labels_of_view = (self._service, projector.name)
            metrics.PROJECTION_LAG_EVENTS.labels(*labels_of_view).set(sum(lags[tp] for tp in mine))
            metrics.PROJECTION_LAG_SECONDS.labels(*labels_of_view).set(max((seconds[tp] for tp in mine), default=0.0))
        return sum(lags.values())

    def _next(self, tp: TopicPartition, handled: Handled) -> int:
        return max(self._begun.get(tp, 0), handled[tp][0] + 1 if tp in handled else 0)

    def _seconds(self, tp: TopicPartition, lag: int, handled: Handled) -> float:
        """At most so long: what waits came after what was handled last, and after nothing waited the last time.

        Before the first is handled: since the partition was assigned.
        """
        now = clock.now()
        if lag == 0:
            self._current_at[tp] = now
            return 0.0
        known = [self._current_at[tp]] if tp in self._current_at else []
        known += [handled[tp][1]] if tp in handled else []
        since = max(known, default=self._begun_at.setdefault(tp, now))
        return max(0.0, (now - since).total_seconds())

    def _forget(self, lost: Iterable[TopicPartition]) -> None:
        for tp in lost:
            for known in (self._begun, self._begun_at, self._current_at):
                known.pop(tp, None)
            for gauge in (metrics.WORKER_LAG_EVENTS, metrics.WORKER_LAG_SECONDS):
                with suppress(KeyError):
                    gauge.remove(self._service, tp.topic, str(tp.partition))


def topics_of(projection: AnyProjection) -> frozenset[str]:
    """The topics that a view is made of."""
    names: list[str] = [getattr(event, "type_name", "") for event in projection.handles]
    return frozenset(events_topic(name.partition(".")[0]) for name in names)
