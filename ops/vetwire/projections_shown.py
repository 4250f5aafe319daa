"""What `vetwire projections` answers: for scripts as models, for people as tables."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from rich.console import Console

from ops.vetwire.command_line import many, row, table
from shared.chassis.comparing import Compared
from shared.chassis.folding import FULL
from shared.chassis.rebuild import Rebuilt
from shared.chassis.verifying import Verified
from shared.chassis.versions import Control, Version

Target = Callable[[Control], Version]
SAMPLES = 10


class VersionShown(BaseModel):
    """`state` is active, ready, building or dropping; `loaded_percent` of the keys when it is building."""

    version: int
    state: str
    collection: str
    documents: int
    parked_events: int
    loaded_percent: int | None
    started_at: datetime | None
    note: dict[str, Any]


class ViewShown(BaseModel):
    """A view and its versions; `previous` is where `back` goes."""

    view: str
    active: int
    previous: int | None
    switched_at: datetime | None
    versions: list[VersionShown]


class ViewsShown(BaseModel):
    """All that were asked for."""

    views: list[ViewShown]


class RebuildShown(BaseModel):
    """`events` counts records of all categories, over all passes; null: not known before they are read."""

    dry_run: bool
    view: str
    version: int | None
    source: str
    events: int | None
    documents: int = 0
    kept: int = 0
    parked_streams: int = 0
    passes: int = 0
    seconds: float = 0.0


class Sample(BaseModel):
    """A document's key and the fields that differ, without their values."""

    key: str
    fields: list[str]


class DiffShown(BaseModel):
    """`added` is in the other version only, `lost` in the active one only; ten samples of each."""

    view: str
    active: int
    other: int
    equal: int
    added: int
    lost: int
    changed: int
    samples: dict[str, list[Sample]]


class SwitchShown(BaseModel):
    """The active version before and after."""

    dry_run: bool
    view: str
    before: int
    after: int


class DroppedShown(BaseModel):
    """What was removed, or would be."""

    dry_run: bool
    view: str
    version: int
    documents: int


class VerifyShown(BaseModel):
    """Counts; ten samples of each kind. `failed` streams cannot be folded, `missing` ones have no document."""

    view: str
    checked: int
    wrong: int
    failed: int
    missing: int
    samples: dict[str, list[Sample]]


def view_shown(view: str, known: Control, counts: Mapping[int, int], parked: Mapping[int, int]) -> ViewShown:
    """A view as its control document has it."""
    versions = [
        VersionShown(
            version=number,
            state="active" if number == known.active else each.state,
            collection=each.collection,
            documents=counts[number],
            parked_events=parked[number],
            loaded_percent=100 * each.done // FULL if each.state == "building" else None,
            started_at=each.started_at,
            note=dict(each.note),
        )
        for number, each in sorted(known.versions.items())
    ]
    return ViewShown(
        view=view, active=known.active, previous=known.previous, switched_at=known.switched_at, versions=versions
    )


def rebuild_shown(view: str, result: Rebuilt) -> RebuildShown:
    """What came of a rebuild."""
    return RebuildShown(
        dry_run=False,
        view=view,
        version=result.version.number,
        source=result.source,
        events=result.events,
        documents=result.documents,
        kept=result.kept,
        parked_streams=result.parked,
        passes=result.passes,
        seconds=result.seconds,
    )


def diff_shown(view: str, active: int, other: int, found: Compared) -> DiffShown:
    """Two versions compared."""
    samples = {k: [Sample(key=d.key, fields=list(d.fields)) for d in each] for k, each in found.samples.items()}
    return DiffShown(
        view=view,
        active=active,
        other=other,
        equal=found.equal,
        added=found.added,
        lost=found.lost,
        changed=found.changed,
        samples=samples,
    )


def verify_shown(view: str, found: Verified) -> VerifyShown:
    """A view held against its streams."""
    samples = {
        "wrong": [Sample(key=d.key, fields=list(d.fields)) for d in found.wrong[:SAMPLES]],
        "failed": [Sample(key=key, fields=[]) for key in found.failed[:SAMPLES]],
        "missing": [Sample(key=key, fields=[]) for key in found.missing[:SAMPLES]],
    }
    counts = {"wrong": len(found.wrong), "failed": len(found.failed), "missing": len(found.missing)}
    return VerifyShown(view=view, checked=found.checked, samples=samples, **counts)


def show_views(console: Console, found: ViewsShown) -> None:
    """One line for each version."""
    lines = table("view", "version", "state", "documents", "parked", "loaded %", "begun")
    for view in found.views:
        for each in view.versions:
            cells = (each.version, each.state, each.documents, each.parked_events, each.loaded_percent, each.started_at)
            row(lines, view.view, *cells)
    console.print(lines, markup=False)


def show_rebuild(console: Console, found: RebuildShown) -> None:
    """What was built, or would be."""
    records = "all records" if found.events is None else many(found.events, "record")
    if found.dry_run:
        what = "a new version would be built" if found.version is None else f"version {found.version} would go on"
        console.print(f"dry run: {what} from {records} of {found.source}; --yes does it", markup=False)
        return
    text = (
        f"version {found.version} of {found.view} is ready: {many(found.documents, 'document')} from "
        f"{records} of {found.source} in {found.seconds:.1f} s, "
        f"{many(found.passes, 'pass', 'passes')}"
    )
    console.print(text, markup=False)
    if found.parked_streams:
        console.print(f"{many(found.parked_streams, 'stream')} parked: see `vetwire parked list`", style="yellow")


def show_diff(console: Console, found: DiffShown) -> None:
    """Counts, then samples."""
    counts = f"{found.equal:,} equal, {found.added:,} added, {found.lost:,} lost, {found.changed:,} changed"
    console.print(f"{found.view}, version {found.active} to {found.other}: {counts}", markup=False)
    _show_samples(console, found.samples)


def show_verify(console: Console, found: VerifyShown) -> None:
    """Counts, then samples."""
    counts = f"{found.wrong:,} wrong, {found.failed:,} cannot be folded, {found.missing:,} missing"
    console.print(f"{found.view}: {found.checked:,} checked, {counts}", markup=False)
    _show_samples(console, found.samples)


def _show_samples(console: Console, samples: Mapping[str, list[Sample]]) -> None:
    lines = table("what", "document", "fields")
    for kind, each in samples.items():
        for sample in each:
            row(lines, kind, sample.key, ", ".join(sample.fields) or None)
    if lines.row_count:
        console.print(lines, markup=False)


def show_switch(console: Console, found: SwitchShown) -> None:
    """From where to where."""
    verb = "would read" if found.dry_run else "read"
    end = "; --yes does it" if found.dry_run else ""
    console.print(f"readers of {found.view} {verb} version {found.after} in place of {found.before}{end}", markup=False)


def show_dropped(console: Console, found: DroppedShown) -> None:
    """What is gone."""
    what = f"version {found.version} of {found.view} with {many(found.documents, 'document')}"
    console.print(f"dry run: {what} would go; --yes does it" if found.dry_run else f"{what} is gone", markup=False)
