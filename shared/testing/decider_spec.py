"""Given these events, when this command comes, then those events follow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import pytest

from shared.events.base import REGISTRY, Event
from shared.kernel.decider import Decider
from shared.kernel.errors import Refused

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")


@dataclass(frozen=True)
class DeciderSpec(Generic[C, E, S]):
    """History goes through the stored form and back, so that what is tested is what production reads."""

    decider: Decider[C, E, S]
    history: tuple[E, ...] = ()
    command: C | None = None

    def given(self, *events: E) -> "DeciderSpec[C, E, S]":
        return replace(self, history=tuple(stored_and_read(event) for event in events))

    def when(self, command: C) -> "DeciderSpec[C, E, S]":
        return replace(self, command=command)

    def then(self, *expected: E) -> None:
        assert list(self.outcome()) == list(expected)

    def then_nothing_happens(self) -> None:
        self.then()

    def then_refused(self, code: str) -> None:
        with pytest.raises(Refused) as refusal:
            self.outcome()
        assert refusal.value.code == code

    def outcome(self) -> Sequence[E]:
        assert self.command is not None, "call when(...) first"
        return self.decider.decide(self.command, self.decider.fold(self.history))


def stored_and_read(event: E) -> E:
    """The event after a round trip through its JSON and the registry."""
    assert isinstance(event, Event)
    read: E = REGISTRY[event.type_name].model_validate_json(event.model_dump_json())  # type: ignore[assignment]
    return read
