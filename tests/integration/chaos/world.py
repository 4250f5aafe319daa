"""What the servers hold since a run began, gathered into evidence. Reads only; waits for servers that are away."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.chassis import event_store, kafka, mongo
from shared.chassis.barrier import handled
from shared.chassis.comparing import differing, shown
from shared.chassis.documents import AnyProjection
from shared.chassis.mongo import Database, database
from shared.chassis.mongo import Document as Row
from shared.chassis.positions import Positions
from shared.chassis.runtime import Runtime
from shared.chassis.verifying import fresh_fold
from shared.chassis.versions import Versions
from shared.chassis.worker_app import WorkerSpec
from shared.events.cloudevents import NotACloudEvent, from_record
from shared.events.envelope import Recorded, StoredEvent
from shared.events.topics import events_topic
from shared.kernel.streams import category_of, key_of
from tests.integration.chaos.evidence import Document, Evidence, Fact, Policy, Record, Snapshot, View
from tests.integration.chaos.history import Wish
from tests.integration.chaos.mails import mails_since

AWAY = (*event_store.INFRASTRUCTURE_ERRORS, *mongo.INFRASTRUCTURE_ERRORS, *kafka.INFRASTRUCTURE_ERRORS)
PATIENCE_SECONDS = 120.0
_AT_ONCE = 16
T = TypeVar("T")


class World:
    """The services of `specs` by name. Streams that were touched since `begin` are looked at, whole."""

    def __init__(self, running: Runtime, specs: Mapping[str, WorkerSpec], mailbox: Path | None = None) -> None:
        self._running = running
        self._specs = specs
        self._mailbox = mailbox
        self._topics = sorted({events_topic(name) for name in specs})
        self._types = "|".join(rf"{re.escape(name)}\..*" for name in specs)
        self._began = self._scanned = 0
        self._offsets: dict[TopicPartition, int] = {}
        self._first_mail = ""
        self.evidence = Evidence(
            views=[_view(name, spec, projection) for name, spec in specs.items() for projection in spec.projections],
            policies=[_policy(name, spec, a) for name, spec in specs.items() for a in spec.automations],
            published=frozenset(event.type_name for spec in specs.values() for event in spec.published),
        )
        self._facts: dict[str, Fact] = {}
        self._records: list[Record] = []
        self._earlier: set[str] = set()
        """Events from before the run that nobody had relayed until now."""
        self._documents: dict[tuple[str, str], Document] = {}
        self._snapshots: list[Snapshot] = []
        self._pairs: dict[str, set[tuple[str, str]]] = {"inbox": set(), "parked": set()}

    def database(self, service: str) -> Database:
        return database(self._running.client, service)

    async def begin(self) -> None:
        """What is there now is not this run's."""
        self._began = self._scanned = await self._running.store.head(self._types)
        self._offsets = await kafka.ends(self._running.settings.brokers, self._topics)
        self._first_mail = max((path.name for path in self._mails()), default="")

    def _mails(self) -> Iterable[Path]:
        return self._mailbox.glob("*.eml") if self._mailbox else ()

    async def snapshot(self) -> None:
        """Of every service the positions, and after them the revisions of its documents."""
        for name, spec in self._specs.items():
            self._snapshots.append(await patiently(partial(self._shot, name, spec)))

    async def _shot(self, name: str, spec: WorkerSpec) -> Snapshot:
        db = self.database(name)
        rows = [row async for row in db["positions"].find({})]
        following = {(row["_id"].rpartition("/")[0], int(row["_id"].rpartition("/")[2])): row["next"] for row in rows}
        revisions = {}
        for projection in spec.projections:
            async for row in (await self._collection(db, projection)).find({}, {"_rev": 1}):
                revisions[f"{name}/{projection.collection}", f"{projection.category}-{row['_id']}"] = row["_rev"]
        return Snapshot(name, following, revisions)

    async def settle(self, patience: float = PATIENCE_SECONDS) -> None:
        """Until everything stored is relayed, handled and sent. TimeoutError with what is still missing."""
        until = asyncio.get_running_loop().time() + patience
        while missing := await self._unsettled():
            if asyncio.get_running_loop().time() > until:
                raise TimeoutError(f"not within {patience:.0f} s: {missing}")
            await asyncio.sleep(0.1)

    async def _unsettled(self) -> str:
        try:
            ends = await kafka.ends(self._running.settings.brokers, self._topics)
            for name, spec in self._specs.items():
                if reason := await self._behind(name, spec, ends):
                    return reason
        except AWAY as error:
            return f"a server is away: {type(error).__name__}"
        return ""

    async def _behind(self, name: str, spec: WorkerSpec, ends: Mapping[TopicPartition, int]) -> str:
        db = self.database(name)
        head = await self._running.store.head(rf"{re.escape(name)}\..*")
        row = await db["relay"].find_one({"_id": "relay"}, {"position": 1}) or {}
        if head > self._began and row.get("position", 0) < head:
            return f"{name} has relayed {row.get('position', 0)} of {head}"
        followed = {events_topic(service) for service in spec.follows}
        if not await handled(Positions(db), {tp: end for tp, end in ends.items() if tp.topic in followed}):
            return f"{name} has not handled everything"
        waiting = await db["outbox"].count_documents({"state": "pending"})
        return f"{name} has {waiting} effects to send" if waiting else ""

    async def read(self, wishes: list[Wish], everything: bool = False) -> Evidence:
        """What there is to see now. `everything`: all of it anew, against what was seen before."""
        if everything:
            self.evidence.remembered = dict(self._facts)
            self._scanned, self._facts = self._began, {}
        fresh = await patiently(self._scan)
        await patiently(self._read_topics)
        streams = {fact.stream for fact in (self._facts.values() if everything else fresh)}
        await patiently(lambda: self._read_documents(streams))
        await patiently(lambda: self._read_pairs(fresh))
        found = self.evidence
        found.wishes, found.facts = wishes, tuple(self._facts.values())
        found.records, found.documents = tuple(self._records), tuple(self._documents.values())
        found.snapshots = [*self._snapshots]
        mails = mails_since(self._mails(), self._first_mail)
        found.mails = tuple(mail for mail in mails if mail.effect.split("/")[-2] not in self._earlier)
        found.done, found.parked = frozenset(self._pairs["inbox"]), frozenset(self._pairs["parked"])
        return found

    async def _scan(self) -> list[Fact]:
        found: list[StoredEvent] = []
        async with aclosing(self._running.store.scan(self._scanned, self._types)) as events:
            async for event in events:
                found.append(event)
        decoded = await self._running.store.codec.decode(found)
        facts = [_fact(event, read) for event, read in zip(found, decoded, strict=True)]
        self._facts |= {fact.id: fact for fact in facts}
        self._scanned = max((fact.position for fact in facts), default=self._scanned)
        return facts

    async def _read_topics(self) -> None:
        ends = await kafka.ends(self._running.settings.brokers, self._topics)
        wanted = {tp: end for tp, end in ends.items() if end > self._offsets.get(tp, 0)}
        if not wanted:
            return
        reader = AIOKafkaConsumer(**kafka.connection(self._running.settings.brokers), enable_auto_commit=False)
        await reader.start()
        try:
            reader.assign(list(wanted))
            for tp in wanted:
                reader.seek(tp, self._offsets.get(tp, 0))
            while any(self._offsets.get(tp, 0) < end for tp, end in wanted.items()):
                async with asyncio.timeout(30):
                    for tp, records in (await reader.getmany(*wanted, timeout_ms=500)).items():
                        self._note(tp, records)
                        self._offsets[tp] = records[-1].offset + 1
        finally:
            await reader.stop()

    def _note(self, tp: TopicPartition, records: Iterable[Any]) -> None:
        for record in records:
            try:
                event = from_record(record.value, record.headers)
            except NotACloudEvent:
                continue
            if event.position <= self._began:
                self._earlier.add(str(event.id))
            else:
                found = Record(tp.topic, tp.partition, record.offset, event.stream, event.revision, str(event.id))
                self._records.append(found)

    async def _read_documents(self, streams: set[str]) -> None:
        by_category = defaultdict(set)
        for stream in streams:
            by_category[category_of(stream)].add(key_of(stream))
        for name, spec in self._specs.items():
            for projection in spec.projections:
                keys = by_category[projection.category]
                if keys:
                    await self._read_view(name, projection, sorted(keys))

    async def _read_view(self, service: str, projection: AnyProjection, keys: list[str]) -> None:
        view = f"{service}/{projection.collection}"
        collection = await self._collection(self.database(service), projection)
        rows = [row async for row in collection.find({"_id": {"$in": keys}})]
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            for found in await asyncio.gather(*(self._compared(view, projection, row) for row in some)):
                self._documents[view, found.stream] = found

    async def _compared(self, view: str, projection: AnyProjection, row: Row) -> Document:
        fresh = await fresh_fold(self._running.store, projection, row["_id"], row["_rev"])
        wrong = ("(cannot be folded)",) if fresh is None else _differing(row, fresh)
        return Document(view, f"{projection.category}-{row['_id']}", row["_clinic"], row["_rev"], wrong)

    async def _read_pairs(self, facts: Iterable[Fact]) -> None:
        """The inbox of the automations, and what is parked, of these events."""
        for name, spec in self._specs.items():
            db = self.database(name)
            wanted = [f"{a.name}/{fact.id}" for a in spec.automations for fact in facts]
            async for row in db["inbox"].find({"_id": {"$in": wanted}}, {"_id": 1}):
                self._pairs["inbox"].add(_pair(name, row))
            async for row in db["parked"].find({}, {"_id": 1}):
                handler, id_ = _pair(name, row)
                if id_ in self._facts:
                    self._pairs["parked"].add((handler, id_))

    async def _collection(self, db: Database, projection: AnyProjection) -> Any:
        return await Versions(db).collection(projection)


async def patiently(ask: Callable[[], Awaitable[T]], patience: float = PATIENCE_SECONDS) -> T:
    """What `ask` gives, once the servers are back."""
    until = asyncio.get_running_loop().time() + patience
    while True:
        try:
            return await ask()
        except AWAY:
            if asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(0.2)


def _view(name: str, spec: WorkerSpec, projection: AnyProjection) -> View:
    return View(f"{name}/{projection.collection}", name, projection.category, _followed(spec))


def _policy(name: str, spec: WorkerSpec, automation: Any) -> Policy:
    return Policy(f"{name}/{automation.name}", frozenset({automation.handles.type_name}), _followed(spec))


def _followed(spec: WorkerSpec) -> frozenset[str]:
    return frozenset(events_topic(service) for service in spec.follows)


def _fact(event: StoredEvent, read: object) -> Fact:
    values = frozenset(_texts(read.event.model_dump(mode="json"))) if isinstance(read, Recorded) else frozenset()
    return Fact(str(event.id), event.type, event.stream, event.revision, event.position, values)


def _texts(value: Any) -> Iterable[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)
        case _:
            return


def _differing(row: Row, fresh: Row) -> tuple[str, ...]:
    before, after = shown(row), shown(fresh)
    if before == after:
        return ()
    return differing(before or {}, after or {}) or ("(gone)",)


def _pair(service: str, row: Row) -> tuple[str, str]:
    handler, _, id_ = row["_id"].rpartition("/")
    return f"{service}/{handler}", id_
