"""Feed: one stream for each clinic, which holds the runs that its PIMS pushed. At most one run is open."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared.events import pims_sync as events
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused

REMEMBERED = 30
"""How many closed runs a feed can still tell from runs that never were."""


@dataclass(frozen=True)
class StartRun:
    clinic_id: str
    run_id: str
    vendor: str
    mode: Literal["full", "delta"]
    now: datetime


@dataclass(frozen=True)
class RecordFile:
    """All rows of a file were read. A file that was sent again with the same outcome is no news."""

    run_id: str
    file: events.SyncFileReceived


@dataclass(frozen=True)
class CompleteRun:
    """`declared` says how many rows each file had when it was written, so that a cut one is noticed."""

    run_id: str
    declared: Mapping[events.Entity, int]
    now: datetime


@dataclass(frozen=True)
class OpenRun:
    started: events.SyncRunStarted
    files: tuple[events.SyncFileReceived, ...] = ()

    @property
    def counts(self) -> dict[events.Entity, int]:
        """Rows received, by entity."""
        return {file.entity: file.rows for file in self.files}


@dataclass(frozen=True)
class Feed:
    """`closed`: the newest runs that are no longer open, and whether each was completed."""

    current: OpenRun | None = None
    closed: tuple[tuple[str, bool], ...] = ()


Command = StartRun | RecordFile | CompleteRun


def decide(command: Command, state: Feed) -> list[events.FeedEvent]:
    match command:
        case StartRun():
            return _start(command, state)
        case RecordFile(run_id, file):
            return [] if _same_outcome(file, open_run(state, run_id)) else [file]
        case CompleteRun(run_id):
            return [] if (run_id, True) in state.closed else [_complete(command, open_run(state, run_id))]


def open_run(state: Feed, run_id: str) -> OpenRun:
    """The run if it is open. Refused `run-not-open`, or `not-found` for one that never was or was long ago."""
    if state.current is not None and state.current.started.run_id == run_id:
        return state.current
    raise Refused("run-not-open" if run_id in dict(state.closed) else "not-found")


def _start(command: StartRun, state: Feed) -> list[events.FeedEvent]:
    started = events.SyncRunStarted(
        clinic_id=command.clinic_id,
        run_id=command.run_id,
        vendor=command.vendor,
        mode=command.mode,
        started_at=command.now,
    )
    if state.current is None:
        return [started]
    if state.current.started.run_id == command.run_id:
        return []
    abandoned = events.SyncRunAbandoned(
        clinic_id=command.clinic_id,
        run_id=state.current.started.run_id,
        reason="another run began",
        abandoned_at=command.now,
    )
    return [abandoned, started]


def _same_outcome(file: events.SyncFileReceived, run: OpenRun) -> bool:
    return any(file == known.model_copy(update={"received_at": file.received_at}) for known in run.files)


def _complete(command: CompleteRun, run: OpenRun) -> events.SyncRunCompleted:
    if dict(command.declared) != run.counts:
        raise Refused("counts-mismatch", f"Received: {run.counts or 'no file'}.")
    return events.SyncRunCompleted(
        clinic_id=run.started.clinic_id,
        run_id=command.run_id,
        vendor=run.started.vendor,
        mode=run.started.mode,
        started_at=run.started.started_at,
        completed_at=command.now,
    )


def evolve(state: Feed, event: events.FeedEvent) -> Feed:
    match event:
        case events.SyncRunStarted():
            return replace(state, current=OpenRun(event))
        case events.SyncFileReceived() if state.current is not None:
            others = tuple(file for file in state.current.files if file.entity != event.entity)
            return replace(state, current=replace(state.current, files=(*others, event)))
        case events.SyncRunCompleted(run_id=run_id):
            return Feed(None, _remembering(state, run_id, completed=True))
        case events.SyncRunAbandoned(run_id=run_id):
            return Feed(None, _remembering(state, run_id, completed=False))
        case _:
            return state


def _remembering(state: Feed, run_id: str, *, completed: bool) -> tuple[tuple[str, bool], ...]:
    return (*state.closed, (run_id, completed))[-REMEMBERED:]


feed = Decider[Command, events.FeedEvent, Feed]("feed", Feed(), decide, evolve)
