"""What a run left in the event store, in Kafka, in MongoDB and in the mailbox, as plain values for the checker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.integration.chaos.history import Wish


@dataclass(frozen=True, slots=True)
class Fact:
    """An event in the store; `values` are the texts in its fields, decrypted."""

    id: str
    type: str
    stream: str
    revision: int
    position: int
    values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Record:
    """A record on a topic."""

    topic: str
    partition: int
    offset: int
    stream: str
    revision: int
    event_id: str


@dataclass(frozen=True, slots=True)
class Document:
    """What a view holds of a stream; `differing` names the fields that a fresh fold has otherwise."""

    view: str
    stream: str
    tenant: str
    revision: int
    differing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mail:
    """One delivery. `effect` is `<automation>/<event id>/<index>`, the local part of its Message-ID."""

    effect: str
    to: str
    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A service's stored positions, and after them its documents, read while everything was still in turmoil.

    `next` by (topic, partition); `revisions` by (view, stream).
    """

    service: str
    next: Mapping[tuple[str, int], int]
    revisions: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class View:
    """A view by the name `<service>/<collection>`: whose streams it folds, and which topics its worker reads."""

    name: str
    service: str
    category: str
    topics: frozenset[str]


@dataclass(frozen=True, slots=True)
class Policy:
    """An automation by the name `<service>/<automation>`, the event types it handles and the topics it is told."""

    name: str
    types: frozenset[str]
    topics: frozenset[str]


@dataclass
class Evidence:
    """Everything since a run began. `done` and `parked` are pairs of a handler's name and an event's id."""

    views: Sequence[View]
    policies: Sequence[Policy]
    published: frozenset[str]
    wishes: Sequence[Wish] = ()
    facts: Sequence[Fact] = ()
    remembered: Mapping[str, Fact] = field(default_factory=dict)
    records: Sequence[Record] = ()
    documents: Sequence[Document] = ()
    snapshots: Sequence[Snapshot] = ()
    mails: Sequence[Mail] = ()
    done: frozenset[tuple[str, str]] = frozenset()
    parked: frozenset[tuple[str, str]] = frozenset()
    expects_parked: bool = False
