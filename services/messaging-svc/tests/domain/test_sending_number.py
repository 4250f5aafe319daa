from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.domain.sending_number import (
    Command,
    NeverUsed,
    RegisterNumber,
    ReleaseNumber,
    SendingNumber,
    sending_number,
)
from shared.events import messaging as events
from shared.events.messaging import NumberEvent
from shared.kernel.errors import Refused
from shared.testing.clocks import NOON
from shared.testing.decider_spec import DeciderSpec

NUMBER = "+15550001111"
registered = events.SendingNumberRegistered(clinic_id="elm", number=NUMBER, auth_token="first", registered_at=NOON)
replaced = events.SendingNumberSecretReplaced(clinic_id="elm", number=NUMBER, auth_token="second", replaced_at=NOON)
released = events.SendingNumberReleased(clinic_id="elm", number=NUMBER, released_at=NOON)
oaks = events.SendingNumberRegistered(clinic_id="oak", number=NUMBER, auth_token="oaks", registered_at=NOON)
spec = DeciderSpec(sending_number)

COMMANDS: dict[str, Command] = {
    "register": RegisterNumber("elm", NUMBER, "first", NOON),
    "register with another secret": RegisterNumber("elm", NUMBER, "second", NOON),
    "register by another clinic": RegisterNumber("oak", NUMBER, "oaks", NOON),
    "release": ReleaseNumber("elm", NOON),
    "release by another clinic": ReleaseNumber("oak", NOON),
}
STATES: dict[str, list[NumberEvent]] = {
    "never used": [],
    "registered": [registered],
    "released": [registered, released],
}
afresh = registered.model_copy(update={"auth_token": "second"})
OUTCOMES: dict[tuple[str, str], NumberEvent | str | None] = {
    ("never used", "register"): registered,
    ("never used", "register with another secret"): afresh,
    ("never used", "register by another clinic"): oaks,
    ("never used", "release"): "not-found",
    ("never used", "release by another clinic"): "not-found",
    ("registered", "register"): None,
    ("registered", "register with another secret"): replaced,
    ("registered", "register by another clinic"): "number-taken",
    ("registered", "release"): released,
    ("registered", "release by another clinic"): "not-found",
    ("released", "register"): registered,
    ("released", "register with another secret"): afresh,
    ("released", "register by another clinic"): oaks,
    ("released", "release"): None,
    ("released", "release by another clinic"): "not-found",
}


def test_every_command_is_answered_in_every_state() -> None:
    assert OUTCOMES.keys() == set(product(STATES, COMMANDS))


@pytest.mark.parametrize(("state", "command"), OUTCOMES)
def test_a_command_in_a_state_has_this_outcome(state: str, command: str) -> None:
    asked = spec.given(*STATES[state]).when(COMMANDS[command])
    match OUTCOMES[state, command]:
        case None:
            asked.then_nothing_happens()
        case str() as code:
            asked.then_refused(code)
        case event:
            asked.then(event)


def test_a_secret_is_not_in_what_is_printed() -> None:
    assert "first" not in repr(COMMANDS["register"]) + repr(sending_number.fold([registered]))


def test_an_erased_secret_can_be_set_again() -> None:
    erased = registered.model_copy(update={"auth_token": None})
    spec.given(erased).when(RegisterNumber("elm", NUMBER, "second", NOON)).then(replaced)


commands = st.sampled_from(list(COMMANDS.values()))


@given(st.lists(commands, max_size=6), commands)
def test_deciding_a_command_again_has_no_second_effect(before: list[Command], command: Command) -> None:
    state: SendingNumber = NeverUsed()
    for each in (*before, command):
        try:
            decided = sending_number.decide(each, state)
        except Refused:
            if each is command:
                return
            continue
        for event in decided:
            state = sending_number.evolve(state, event)
    assert sending_number.decide(command, state) == []
