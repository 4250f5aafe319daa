"""One file of a run, from its rows to events: batch by batch, so that memory does not depend on its length."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pims_sync.domain.feed import OpenRun
from pims_sync.intake.entities import KINDS, Record, Stamp
from pims_sync.intake.fingerprints import Fingerprints
from pims_sync.intake.records import UNKNOWN, Known, Records
from pims_sync.intake.rejects import Rejects
from pims_sync.intake.rows import Item, Unreadable
from pims_sync.intake.scratch import Scratch
from pims_sync.intake.writing import Wish, Writer, patiently
from pims_sync.vendors.fields import Fields
from pims_sync.vendors.profile import Profile
from pims_sync.vendors.rejection import Rejected
from shared.chassis import clock
from shared.chassis.event_store import EventStore
from shared.events.envelope import Metadata
from shared.events.pims_sync import Entity, Reject
from shared.kernel.streams import stream_name

BATCH = 250
IN_FLIGHT = 4
"""Calls side by side cost less each: their messages share the turns of the event loops at both ends."""
_DUPLICATES = {
    "duplicate-id": "An earlier row of this file has the same id and other content.",
    "duplicate-row": "An earlier row of this file is the same.",
}


@dataclass(frozen=True)
class Source:
    """Which file of which run this is. `still_open` raises once the run is closed or abandoned."""

    run: OpenRun
    entity: Entity
    profile: Profile
    still_open: Callable[[], Awaitable[None]]


@dataclass
class Tally:
    """rows = appended + unchanged + rejected."""

    rows: int = 0
    appended: int = 0
    unchanged: int = 0


class _Read(NamedTuple):
    """A row whose id is known. `fields` are its cells for the mapping."""

    line: int
    id: str
    stream: str
    digest: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class _Past:
    """About the rows of a batch: ids the file had before with the digests of their rows, records learnt, records read.

    `taken` are the ids that this batch adds.
    """

    seen: dict[str, str]
    learnt: dict[str, tuple[str, bool]]
    known: Mapping[str, Known]
    taken: dict[str, str] = field(default_factory=dict)


class Upload:
    """Use once. `tally` and `rejects` are complete when `take` returns."""

    def __init__(self, source: Source, store: EventStore, records: Records, secret: bytes, metadata: Metadata) -> None:
        self._source = source
        self._kind = KINDS[source.entity]
        layout = source.profile.layouts[source.entity]
        self._names = tuple(layout.columns)
        self._spelling = {name: spellings[0] for name, spellings in layout.columns.items()}
        self._records = records
        self._prints = Fingerprints(secret, source.profile)
        self._writer = Writer(store, self._kind.decider, metadata)
        self._scratch = Scratch()
        self._flying: deque[asyncio.Task[None]] = deque()
        self.tally = Tally()
        self.rejects = Rejects(store, metadata, source.run.started.run_id, source.entity, clock.now)

    async def take(self, blocks: AsyncIterator[Sequence[Item]]) -> None:
        """Read everything. What was appended stands if this raises; the file may then be sent again."""
        try:
            await patiently(self._learn)
            waiting: list[Item] = []
            async for block in blocks:
                waiting += block
                while len(waiting) >= BATCH:
                    batch, waiting = waiting[:BATCH], waiting[BATCH:]
                    await self._take(batch)
            await self._take(waiting)
            while self._flying:
                await self._flying.popleft()
            await self.rejects.flush(end=True)
        finally:
            self._scratch.close()
            for task in self._flying:
                task.cancel()
            await asyncio.gather(*self._flying, return_exceptions=True)

    async def _learn(self) -> None:
        """A full run mentions every record: one pass over all of them is cheaper than asking for them in batches."""
        started = self._source.run.started
        if started.mode == "full":
            async for found in self._records.digests(self._kind.projection, started.clinic_id):
                self._scratch.learn((d.stream, d.row_digest, d.observed_at == started.started_at) for d in found)

    async def _take(self, batch: Sequence[Item]) -> None:
        await self._source.still_open()
        read = [self._read(item) for item in batch]
        past = await self._past([row for row in read if isinstance(row, _Read)])
        wishes = [wish for row in read if (wish := self._wish(row, past)) is not None]
        self._scratch.see(past.taken.items())
        self.tally.rows += len(batch)
        await self.rejects.flush()
        if wishes:
            if len(self._flying) >= IN_FLIGHT:
                await self._flying.popleft()
            self._flying.append(asyncio.create_task(self._write(wishes)))

    async def _past(self, rows: Sequence[_Read]) -> _Past:
        learnt = self._scratch.known([row.stream for row in rows])
        streams = {row.stream for row in rows if self._must_ask(row, learnt.get(row.stream))}
        known = await patiently(lambda: self._records.known(self._kind.projection, streams)) if streams else {}
        return _Past(self._scratch.seen([row.id for row in rows]), learnt, known)

    async def _write(self, wishes: Sequence[Wish]) -> None:
        """Ids do not repeat within a file, so batches do not meet in a stream and may be written side by side."""
        news = await self._writer.write(wishes)
        self.tally.appended += news
        self.tally.unchanged += len(wishes) - news

    def _read(self, item: Item) -> _Read | Reject:
        if isinstance(item, Unreadable):
            return Reject(line=item.line, field=None, code=item.code, reason=item.reason)
        fields = Fields(self._names, item.cells, self._spelling)
        try:
            id_ = fields.id("id")
            if id_ is None:
                raise fields.rejected("id", "missing-value", "A record without an id.")
        except Rejected as rejection:
            return _reject(item.line, rejection)
        stream = stream_name(self._kind.decider.category, self._source.run.started.clinic_id, id_)
        return _Read(item.line, id_, stream, self._prints.of_row(item.cells), fields)

    def _must_ask(self, row: _Read, learnt: tuple[str, bool] | None) -> bool:
        """Whether the record's state is needed: not if it was learnt that there is none, or that nothing changed."""
        return learnt[0] != row.digest if learnt else self._source.run.started.mode != "full"

    def _wish(self, row: _Read | Reject, past: _Past) -> Wish | None:
        """What is left to decide on, in the order of the file; everything else is counted here."""
        if isinstance(row, Reject):
            self.rejects.add(row)
        elif first := past.seen.get(row.id) or past.taken.get(row.id):
            duplicate = "duplicate-row" if first == row.digest else "duplicate-id"
            reason = _DUPLICATES[duplicate]
            self.rejects.add(Reject(line=row.line, field=self._spelling["id"], code=duplicate, reason=reason))
        elif (learnt := past.learnt.get(row.stream)) and learnt[0] == row.digest:
            past.taken[row.id] = row.digest
            self._count_settled(by_this_run=learnt[1])
        else:
            return self._decided(row, past)
        return None

    def _count_settled(self, *, by_this_run: bool) -> None:
        """A record that is already as the row has it.

        If this very run made it so, it was appended by an earlier attempt at this file, and counts as appended again.
        """
        if by_this_run:
            self.tally.appended += 1
        else:
            self.tally.unchanged += 1

    def _decided(self, row: _Read, past: _Past) -> Wish | None:
        """A row that is rejected does not take its id: another one with it may be taken."""
        started, before = self._source.run.started, past.known.get(row.stream, UNKNOWN)
        try:
            fingerprint, record = self._mapped(row)
        except Rejected as rejection:
            self.rejects.add(_reject(row.line, rejection))
            return None
        past.taken[row.id] = row.digest
        if before.view is not None and before.view.fingerprint == fingerprint:
            self._count_settled(by_this_run=before.view.observed_at == started.started_at)
            return None
        stamp = Stamp(started.clinic_id, fingerprint, row.digest, started.started_at)
        command = self._kind.command(row.id, record, stamp)
        return Wish(row.stream, before.revision, self._kind.state_of(before.view), command, fingerprint)

    def _mapped(self, row: _Read) -> tuple[str, Record]:
        record = self._kind.mapped(row.fields, self._source.profile, self._source.run.started.started_at.date())
        return self._prints.of_record(row.stream, self._kind.names, record), record


def _reject(line: int, rejection: Rejected) -> Reject:
    return Reject(line=line, field=rejection.field, code=rejection.code, reason=rejection.reason)
