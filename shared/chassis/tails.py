"""Where a relay's newest records are on the broker, to notice that they are there no more (design 7, 8)."""

from collections.abc import Iterable
from typing import Any

from shared.chassis import kafka
from shared.chassis.mongo import Document
from shared.chassis.producing import Placed
from shared.events.cloudevents import NotACloudEvent, from_record
from shared.events.envelope import StoredEvent


class NotTheSameTopic(ConnectionError):
    """The broker put a record where an older one of ours was: the topic was made anew while we were publishing."""


class Tails:
    """For each partition the newest event put there: its position in the store, its offset on the broker.

    Kept in the relay's document as `tails` (partition: position) and `ends` (partition: offset).
    """

    def __init__(self, state: Document) -> None:
        self._positions: dict[str, int] = dict(state.get("tails", {}))
        self._offsets: dict[str, int] = dict(state.get("ends", {}))

    def document(self) -> Document:
        """The fields to save, with the position that they belong to."""
        return {"tails": self._positions, "ends": self._offsets}

    def put(self, placed: Iterable[tuple[StoredEvent, Placed]]) -> None:
        """Remember where the broker put them. NotTheSameTopic if that is not behind what we had put there before."""
        for event, at in placed:
            partition = str(at.partition)
            if at.offset <= self._offsets.get(partition, -1):
                raise NotTheSameTopic(f"{at.topic}, partition {partition}")
            self._positions[partition], self._offsets[partition] = event.position, at.offset

    async def lost(self, bootstrap: str, topic: str) -> list[int]:
        """For each partition that does not end as we left it: the position to go on after instead. Those are forgotten.

        KafkaError if the broker does not answer.
        """
        newest = {str(tp.partition): record for tp, record in (await kafka.records_before(bootstrap, [topic])).items()}
        ends: dict[str, int] = {}
        if self._positions.keys() - newest.keys():
            ends = {str(tp.partition): end for tp, end in (await kafka.ends(bootstrap, [topic])).items()}
        found = {p: self._left(p, newest.get(p), ends.get(p, 0)) for p in self._positions}
        lost = {p: position for p, position in found.items() if position is not None}
        for partition in lost:
            del self._positions[partition]
            self._offsets.pop(partition, None)
        return list(lost.values())

    def _left(self, partition: str, newest: Any, end: int) -> int | None:
        """None if nothing of ours is lost."""
        offset = self._offsets.get(partition)
        if newest is None:
            # Retention may have taken all records; then the next one still gets an offset behind ours.
            return 0 if offset is None or end <= offset else None
        position = _position_in(newest)
        if position < self._positions[partition]:
            return position
        return 0 if offset is not None and newest.offset < offset else None


def _position_in(record: Any) -> int:
    """0 for a record that no relay wrote: what is before it cannot be told, so everything is published again."""
    try:
        return from_record(record.value, record.headers).position
    except NotACloudEvent:
        return 0
