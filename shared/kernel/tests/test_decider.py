"""The two folds of the kernel: a stream's state and a stream's document."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.decider import Decider, Projection
from shared.kernel.errors import Refused


@dataclass(frozen=True)
class Deposited:
    amount: int


@dataclass(frozen=True)
class Closed:
    pass


@dataclass(frozen=True)
class Noticed:
    pass


@dataclass(frozen=True)
class Account:
    balance: int = 0
    is_open: bool = True
    seen: tuple[object, ...] = ()


Happening = Deposited | Closed | Noticed
HAPPENINGS = st.lists(st.builds(Deposited, st.integers(1, 100)) | st.builds(Closed) | st.builds(Noticed), max_size=8)


def _decide(command: Deposited, state: Account) -> list[Happening]:
    if not state.is_open:
        raise Refused("account-closed", "There is no such account any more.")
    return [command]


def _evolve(state: Account, event: Happening) -> Account:
    state = replace(state, seen=(*state.seen, event))
    match event:
        case Deposited(amount):
            return replace(state, balance=state.balance + amount)
        case Closed():
            return replace(state, is_open=False)
        case Noticed():
            return state


def _card(view: int | None, event: Happening) -> int | None:
    match event:
        case Deposited(amount):
            return (view or 0) + amount
        case Closed():
            return None
        case Noticed():
            raise AssertionError("the projection does not handle it")


account = Decider[Deposited, Happening, Account]("account", Account(), _decide, _evolve)
balances = Projection[Happening, int]("balances", "account", (Deposited, Closed), int, _card)


def test_the_state_of_no_events_is_the_initial_one() -> None:
    assert account.fold([]) == Account()


@given(HAPPENINGS)
def test_every_event_is_folded_once_and_oldest_first(events: list[Happening]) -> None:
    assert account.fold(events).seen == tuple(events)


@given(HAPPENINGS, HAPPENINGS)
def test_folding_a_history_in_two_parts_is_folding_it(before: list[Happening], after: list[Happening]) -> None:
    state = account.fold(before)
    for event in after:
        state = account.evolve(state, event)
    assert state == account.fold([*before, *after])


def test_a_fold_takes_any_iterable() -> None:
    assert account.fold(Deposited(n) for n in range(4)).balance == 6


def test_folding_leaves_the_initial_state_alone() -> None:
    account.fold([Deposited(5)])
    assert account.initial == Account()


def test_a_refusal_says_its_code() -> None:
    with pytest.raises(Refused) as refusal:
        account.decide(Deposited(1), account.fold([Closed()]))
    assert refusal.value.code == "account-closed"
    assert str(refusal.value) == "There is no such account any more."
    assert str(Refused("account-closed")) == "account-closed"


def test_a_view_of_no_events_is_no_document() -> None:
    assert balances.fold([]) is None


def test_a_view_folds_the_events_it_handles_and_no_others() -> None:
    assert balances.fold([Deposited(2), Noticed(), Deposited(3)]) == 5


def test_a_view_can_end_and_begin_again() -> None:
    assert balances.fold([Deposited(2), Closed()]) is None
    assert balances.fold([Deposited(2), Closed(), Deposited(3)]) == 3


@given(HAPPENINGS, HAPPENINGS)
def test_a_view_goes_on_from_the_document_that_was_stored(before: list[Happening], after: list[Happening]) -> None:
    assert balances.fold(after, balances.fold(before)) == balances.fold([*before, *after])
