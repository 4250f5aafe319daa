"""An automation is a policy: when this happened, then ask for that. Pure; run once an event, never in a replay."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from shared.kernel.decider import Decider

E = TypeVar("E")


@dataclass(frozen=True)
class Issue:
    """A command for the stream `<decider.category>-<clinic_id>.<local_id>` of the automation's own service."""

    decider: Decider[Any, Any, Any]
    local_id: str
    command: object


@dataclass(frozen=True)
class Mail:
    """An effect: a mail that leaves through the outbox, keyed by the event that caused it."""

    to: str
    subject: str
    text: str


Reaction = Issue | Mail


@dataclass(frozen=True)
class Cause(Generic[E]):
    """The event an automation reacts to and where it stands."""

    event: E
    clinic_id: str
    local_id: str
    event_id: str


@dataclass(frozen=True)
class Automation(Generic[E]):
    """`needs` names views of the same service whose documents `react` gets: collection -> the document's key.

    A document that is missing is None; `react` then decides without it.
    """

    name: str
    handles: type[E]
    react: Callable[..., Sequence[Reaction]]
    needs: Callable[[Cause[E]], dict[str, str]] = lambda _cause: {}
