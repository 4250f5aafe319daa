"""A decider is the whole write model of one stream; a projection is one read model of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Generic, TypeVar

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")
V = TypeVar("V")


@dataclass(frozen=True)
class Decider(Generic[C, E, S]):
    """`decide` answers a command with events or raises `Refused`; `evolve` folds one event. Both are pure.

    `category` starts the names of the streams: `<category>-<clinic>.<local id>`.
    """

    category: str
    initial: S
    decide: Callable[[C, S], Sequence[E]]
    evolve: Callable[[S, E], S]

    def fold(self, events: Iterable[E]) -> S:
        """The state after `events`, oldest first."""
        return reduce(self.evolve, events, self.initial)


@dataclass(frozen=True)
class Projection(Generic[E, V]):
    """One document for each stream of `category`, in `collection`, keyed by the stream's id (design 10).

    `evolve` gets the document so far (None: there is none) and one event, and returns the next one
    (None: there is none any more). It is called for the event types in `handles` only. `indexes` are lists of
    the view's fields; each index starts with the clinic.
    """

    collection: str
    category: str
    handles: tuple[type, ...]
    view: type[V]
    evolve: Callable[[V | None, E], V | None]
    indexes: tuple[tuple[str, ...], ...] = ()

    def fold(self, events: Iterable[E], view: V | None = None) -> V | None:
        """The document after `events`, oldest first; events of other types change nothing."""
        for event in events:
            if isinstance(event, self.handles):
                view = self.evolve(view, event)
        return view
