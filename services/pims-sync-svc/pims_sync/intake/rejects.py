"""The rows that were not taken: counted, the first ones kept for the answer, all of them stored in batches of 500."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from pims_sync.intake.writing import patiently
from pims_sync.projections.rejected_rows import BATCH, CATEGORY, local_id
from shared.chassis.event_store import NO_STREAM, Append, EventStore
from shared.events.envelope import Metadata
from shared.events.pims_sync import Entity, Reject, RowsRejected
from shared.kernel.ids import derived_id
from shared.kernel.streams import stream_name

SHOWN = 20


class Rejects:
    """Of one upload. A file that is sent again makes the same batches, and nothing is written twice."""

    def __init__(
        self,
        store: EventStore,
        metadata: Metadata,
        run_id: str,
        entity: Entity,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._metadata = metadata
        self._run_id = run_id
        self._entity = entity
        self._now = now
        self._waiting: list[Reject] = []
        self._batches = 0
        self.first: list[Reject] = []
        self.count = 0

    def add(self, reject: Reject) -> None:
        """In the order of the file."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(reject)
        self._waiting.append(reject)

    async def flush(self, *, end: bool = False) -> None:
        """Store the batches that are full; at the end of the file, the last one too."""
        while len(self._waiting) >= BATCH or (end and self._waiting):
            batch, self._waiting = tuple(self._waiting[:BATCH]), self._waiting[BATCH:]
            await patiently(partial(self._store_batch, batch))
            self._batches += 1

    async def _store_batch(self, rejects: tuple[Reject, ...]) -> None:
        stream = stream_name(CATEGORY, self._metadata.clinic_id, local_id(self._run_id, self._entity, self._batches))
        known = await self._store.read(stream)
        if known and isinstance(newest := known[-1].event, RowsRejected) and newest.rejects == rejects:
            return
        event = RowsRejected(
            clinic_id=self._metadata.clinic_id,
            run_id=self._run_id,
            entity=self._entity,
            rejects=rejects,
            rejected_at=self._now(),
        )
        revision = known[-1].revision if known else NO_STREAM
        id_ = derived_id(stream, str(revision), event.model_dump_json(include={"rejects"}))
        await self._store.append(Append(stream, revision, [(id_, event)], self._metadata))
