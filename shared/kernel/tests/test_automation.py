"""What an automation gets and gives."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.kernel.automation import Automation, Cause, Issue, Mail, Reaction
from shared.kernel.decider import Decider


@dataclass(frozen=True)
class Arrived:
    guest: str


@dataclass(frozen=True)
class Greet:
    guest: str


desk = Decider[Greet, Arrived, int]("desk", 0, lambda _command, _state: [], lambda state, _event: state)


def _greet(cause: Cause[Arrived], guests: str | None = None) -> Sequence[Reaction]:
    if guests is None:
        return [Issue(desk, cause.local_id, Greet(cause.event.guest))]
    return [Mail(guests, "Welcome", cause.event.guest)]


CAUSE = Cause(Arrived("Ana"), "elm", "42", "event-1")


def test_an_automation_needs_no_view_unless_it_says_so() -> None:
    assert Automation("when_arrived_then_greet", Arrived, _greet).needs(CAUSE) == {}


def test_needs_name_a_view_and_the_key_of_its_document() -> None:
    automation = Automation("when_arrived_then_greet", Arrived, _greet, lambda cause: {"guests": cause.local_id})
    assert automation.needs(CAUSE) == {"guests": "42"}


def test_reactions_with_the_same_content_are_the_same() -> None:
    automation = Automation("when_arrived_then_greet", Arrived, _greet)
    assert automation.react(CAUSE) == automation.react(CAUSE) == [Issue(desk, "42", Greet("Ana"))]
    assert automation.react(CAUSE, guests="desk@elm") == [Mail("desk@elm", "Welcome", "Ana")]
