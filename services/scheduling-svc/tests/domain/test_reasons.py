import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.domain.reasons import AddReason, Command, DeactivateReason, MakeReasonDefault, Reason, Reasons, reasons
from shared.events import scheduling as events
from shared.kernel.errors import Refused
from shared.testing.decider_spec import DeciderSpec

added = events.ReasonAdded(clinic_id="elm", reason_id="r1", name="Check-up", description="Yearly")
other = events.ReasonAdded(clinic_id="elm", reason_id="r2", name="Dental")
made_default = events.ReasonMadeDefault(clinic_id="elm", reason_id="r1")
deactivated = events.ReasonDeactivated(clinic_id="elm", reason_id="r1")
spec = DeciderSpec(reasons)


def test_r92_a_reason_is_added() -> None:
    spec.given().when(AddReason("elm", "r1", "Check-up", "Yearly")).then(added)


def test_r92_a_reason_may_be_mapped_to_a_type_of_the_practice() -> None:
    mapped = events.ReasonAdded(clinic_id="elm", reason_id="r1", name="Check-up", appointment_type="EXAM")
    spec.given().when(AddReason("elm", "r1", "Check-up", appointment_type="EXAM")).then(mapped)


def test_r92_a_reason_may_be_the_default_from_the_start() -> None:
    spec.given(other).when(AddReason("elm", "r1", "Check-up", "Yearly", is_default=True)).then(added, made_default)


def test_adding_the_same_reason_twice_changes_nothing() -> None:
    spec.given(added).when(AddReason("elm", "r1", "Check-up", "Yearly", is_default=True)).then_nothing_happens()


def test_two_active_reasons_do_not_read_the_same() -> None:
    spec.given(added).when(AddReason("elm", "r3", "CHECK-UP")).then_refused("reason-name-taken")


def test_the_name_of_an_inactive_reason_is_free_again() -> None:
    again = events.ReasonAdded(clinic_id="elm", reason_id="r3", name="Check-up")
    spec.given(added, deactivated).when(AddReason("elm", "r3", "Check-up")).then(again)


def test_r92_an_active_reason_becomes_the_default() -> None:
    spec.given(added, other).when(MakeReasonDefault("elm", "r1")).then(made_default)


def test_making_the_default_the_default_changes_nothing() -> None:
    spec.given(added, made_default).when(MakeReasonDefault("elm", "r1")).then_nothing_happens()


def test_an_inactive_reason_cannot_be_the_default() -> None:
    spec.given(added, deactivated).when(MakeReasonDefault("elm", "r1")).then_refused("reason-not-active")


def test_r93_a_reason_is_made_inactive() -> None:
    spec.given(added).when(DeactivateReason("elm", "r1")).then(deactivated)


def test_making_a_reason_inactive_twice_changes_nothing() -> None:
    spec.given(added, deactivated).when(DeactivateReason("elm", "r1")).then_nothing_happens()


def test_an_inactive_default_is_a_default_no_more() -> None:
    assert reasons.fold([added, made_default, deactivated]).default is None
    assert reasons.fold([added, other, made_default]).default == "r1"


def test_other_decisions_read_what_a_reason_is_called_and_whether_it_may_be_chosen() -> None:
    assert reasons.fold([added, other, deactivated]).by_id == {
        "r1": Reason("r1", "Check-up", False),
        "r2": Reason("r2", "Dental", True),
    }


def test_making_another_one_inactive_leaves_the_default() -> None:
    gone = events.ReasonDeactivated(clinic_id="elm", reason_id="r2")
    assert reasons.fold([added, other, made_default, gone]).default == "r1"


@pytest.mark.parametrize("command", [MakeReasonDefault("elm", "r9"), DeactivateReason("elm", "r9")])
def test_what_the_clinic_never_had_is_not_found(command: Command) -> None:
    spec.given(added).when(command).then_refused("not-found")


ids = st.sampled_from(["r1", "r2", "r3"])
names = st.sampled_from(["Check-up", "check-up", "Dental"])
commands = st.one_of(
    st.builds(AddReason, st.just("elm"), ids, names, is_default=st.booleans()),
    st.builds(MakeReasonDefault, st.just("elm"), ids),
    st.builds(DeactivateReason, st.just("elm"), ids),
)


def after(state: Reasons, command: Command) -> Reasons:
    for event in reasons.decide(command, state):
        state = reasons.evolve(state, event)
    return state


@given(st.lists(commands, max_size=8), commands)
def test_deciding_a_command_again_has_no_second_effect(before: list[Command], command: Command) -> None:
    state = Reasons()
    for each in (*before, command):
        try:
            state = after(state, each)
        except Refused:
            if each is command:
                return
    assert reasons.decide(command, state) == []


@given(st.lists(commands, max_size=8))
def test_r92_the_default_is_always_an_active_reason(wishes: list[Command]) -> None:
    state = Reasons()
    for each in wishes:
        try:
            state = after(state, each)
        except Refused:
            continue
        assert state.default is None or state.by_id[state.default].is_active
