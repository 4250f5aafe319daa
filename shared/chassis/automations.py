"""Automations run once for each event: the inbox remembers which are done (design 14)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from pydantic import BaseModel
from pymongo import UpdateOne

from shared.chassis import clock, commands
from shared.chassis.codec import Undecodable, recorded_from
from shared.chassis.crash_points import Point, passing
from shared.chassis.documents import LIVING, AnyProjection
from shared.chassis.event_store import EventStore
from shared.chassis.logs import about, log_context
from shared.chassis.mongo import Database, Document, by_ids, journaled
from shared.chassis.outbox import Outbox
from shared.chassis.parking import BEHIND, Parking, reason_of
from shared.chassis.projections import Arrival
from shared.chassis.telemetry import continued, current_traceparent, failed, handling
from shared.chassis.versions import Versions
from shared.events.base import REGISTRY, Event
from shared.events.envelope import Actor, Recorded
from shared.events.upcasters import newest
from shared.kernel.automation import Automation, Cause, Issue, Mail, Reaction
from shared.kernel.errors import Refused
from shared.kernel.ids import derived_id
from shared.kernel.streams import clinic_of, key_of

log = structlog.get_logger(__name__)


class Reactor:
    """Runs one automation. Infrastructure errors escape: the event is then not in the inbox and comes again.

    What it did before the error is recognised: its commands and effects carry ids derived from the event's.
    """

    def __init__(
        self,
        automation: Automation[Any],
        views: Sequence[AnyProjection],
        db: Database,
        store: EventStore,
        outbox: Outbox,
        parking: Parking,
        versions: Versions,
    ) -> None:
        self._automation = automation
        self._views = {view.collection: view for view in views}
        self._versions = versions
        self._service = db.name
        self._inbox = journaled(db["inbox"])
        self._store = store
        self._outbox = outbox
        self._parking = parking

    async def apply(self, window: Sequence[Arrival]) -> None:
        """React to the window's events, oldest first, skipping those done before."""
        mine = [arrival for arrival in window if self._concerns(arrival)]
        if not mine:
            return
        ids = {self._inbox_id(a): a for a in mine}
        done = {row["_id"] for row in await by_ids(self._inbox, ids, ["_id"])}
        todo = {inbox_id: arrival for inbox_id, arrival in ids.items() if inbox_id not in done}
        await self._remember({inbox_id: arrival for inbox_id, arrival in todo.items() if await self._is_done(arrival)})

    async def release(self, stream: str) -> None:
        """React to what is parked of the stream once more, in order; what fails again is parked again."""
        revisions = await self._parking.release(self._automation.name, stream)
        stored = [event for revision in revisions for event in await self._store.read_stored(stream, revision, 1)]
        events = await self._store.codec.events(stored)
        await self.apply([Arrival(raw, event) for raw, event in zip(stored, events, strict=True)])
        await self._parking.forget(self._automation.name, stream)

    def _concerns(self, arrival: Arrival) -> bool:
        """Also an event of the handled type that cannot be read: it must not be passed over in silence."""
        match arrival.event:
            case Event() as event:
                return isinstance(event, self._automation.handles)
            case Undecodable():
                found = REGISTRY.get(newest(arrival.stored.type))
                return found is not None and issubclass(found, self._automation.handles)
            case None:
                return False

    async def _remember(self, done: Mapping[str, Arrival]) -> None:
        """In one journaled write for the window: a row for each event, also for those that led to nothing."""
        rows = [
            UpdateOne({"_id": inbox_id}, {"$setOnInsert": {"at": clock.now(), "_clinic": clinic}}, upsert=True)
            for inbox_id, arrival in done.items()
            for clinic in [clinic_of(arrival.stored.stream)]
        ]
        if rows:
            passing(Point.AFTER_REACTION_BEFORE_INBOX)
            await self._inbox.bulk_write(rows, ordered=False)

    def _inbox_id(self, arrival: Arrival) -> str:
        return f"{self._automation.name}/{arrival.stored.id}"

    async def _is_done(self, arrival: Arrival) -> bool:
        """What is parked is not: it stays out of the inbox, so that it runs when it comes again after a release."""
        name = self._automation.name
        about(arrival.stored)
        blocked = await self._parking.blocks(name, arrival.stored)
        if reason := BEHIND if blocked else await self._traced(arrival):
            await self._parking.park(name, arrival.stored, reason)
        return reason is None

    async def _traced(self, arrival: Arrival) -> str | None:
        with continued(arrival.stored, *handling(arrival.stored, self._service, self._automation.name)) as span:
            reason = await self._failure(arrival)
            failed(span, reason)
        return reason

    async def _failure(self, arrival: Arrival) -> str | None:
        """React; the reason if it was not possible."""
        recorded = recorded_from(arrival.stored, arrival.event)
        if not isinstance(recorded, Recorded):
            return str(recorded)
        try:
            reactions, subjects = await self._reactions(recorded)
            for index, reaction in enumerate(reactions):
                await self._carry_out(recorded, index, reaction, subjects)
        except commands.INFRASTRUCTURE_ERRORS:
            raise
        except Exception as error:
            log.exception("automation failed", automation=self._automation.name)
            return reason_of(error)
        return None

    async def _reactions(self, recorded: Recorded) -> tuple[Sequence[Reaction], set[str]]:
        """What to do, and the people whose personal fields were there to decide on it."""
        key = key_of(recorded.stream)
        local_id = key.partition(".")[2]
        cause = Cause(recorded.event, recorded.metadata.clinic_id, local_id, str(recorded.id))
        needed = self._automation.needs(cause)
        rows = {name: await self._row(name, key) for name, key in needed.items()}
        told = {recorded.event.subject, *(subject for row in rows.values() if row for subject in row["_subjects"])}
        documents = {name: row and self._view(name, row) for name, row in rows.items()}
        return self._automation.react(cause, **documents), {subject for subject in told if subject}

    async def _row(self, collection: str, key: str) -> Document | None:
        found = await self._versions.collection(self._views[collection])
        row: Document | None = await found.find_one({"_id": key, **LIVING})
        return row and {"_subjects": (), **row}

    def _view(self, collection: str, row: Document) -> BaseModel:
        view: BaseModel = self._views[collection].view.model_validate(row)
        return view

    async def _carry_out(self, recorded: Recorded, index: int, reaction: Reaction, subjects: set[str]) -> None:
        effect_id = f"{self._automation.name}/{recorded.id}/{index}"
        match reaction:
            case Mail():
                await self._outbox.put(effect_id, recorded.metadata.clinic_id, reaction, subjects)
            case Issue():
                await self._issue(recorded, effect_id, reaction)

    async def _issue(self, recorded: Recorded, effect_id: str, issue: Issue) -> None:
        context = _context(recorded, self._automation.name, effect_id, clock.now())
        with log_context(clinic_id=context.clinic_id, command_id=str(context.command_id)):
            try:
                await commands.handle(self._store, issue.decider, issue.local_id, issue.command, context)
            except Refused as refusal:
                # The policy asked, the domain said no: that is an answer, and asking again would not change it.
                log.info("automation refused", automation=self._automation.name, code=refusal.code)


def _context(recorded: Recorded, name: str, effect_id: str, now: datetime) -> commands.Context:
    return commands.Context(
        clinic_id=recorded.metadata.clinic_id,
        actor=Actor(kind="system", id=name),
        command_id=derived_id(effect_id),
        correlation_id=recorded.metadata.correlation_id,
        causation_id=str(recorded.id),
        traceparent=current_traceparent() or recorded.metadata.traceparent,
        now=now,
    )
