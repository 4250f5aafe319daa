from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral.domain.referral import (
    AcceptReferral,
    Command,
    DeclineReferral,
    NotSubmitted,
    Referral,
    SubmitReferral,
    referral,
)
from shared.events import referral as events
from shared.events.referral import ListedDocument, ReferralEvent, ReferredClient, ReferredPatient
from shared.kernel.errors import Refused
from shared.testing.clocks import NOON
from shared.testing.decider_spec import DeciderSpec

CLIENT = ReferredClient(name="Ada Moss", phone="555 0100")
PATIENT = ReferredPatient(name="Rex", species="dog")
DOCUMENTS = (
    ListedDocument(position=1, kind="lab_result", title="Blood count"),
    ListedDocument(position=2, kind="image", title="Thorax, lateral"),
)
SUBMIT = SubmitReferral(
    clinic_id="elm",
    referral_id="c1",
    referring_vet_id="vet-1",
    client=CLIENT,
    patient=PATIENT,
    history="Coughs since May.",
    clinical_signs="Heart murmur.",
    documents=DOCUMENTS,
    owner_consents=True,
    now=NOON,
)
ACCEPT = AcceptReferral("specialist-1", NOON)
DECLINE = DeclineReferral("specialist-1", "No cardiologist until July.", NOON)
submitted = events.ReferralSubmitted(
    clinic_id="elm",
    referral_id="c1",
    referring_vet_id="vet-1",
    client=CLIENT,
    patient=PATIENT,
    history="Coughs since May.",
    clinical_signs="Heart murmur.",
    documents=DOCUMENTS,
    submitted_at=NOON,
)
accepted = events.ReferralAccepted(clinic_id="elm", referral_id="c1", accepted_by="specialist-1", accepted_at=NOON)
declined = events.ReferralDeclined(
    clinic_id="elm",
    referral_id="c1",
    declined_by="specialist-1",
    reason="No cardiologist until July.",
    declined_at=NOON,
)
spec = DeciderSpec(referral)


def test_r1_r2_a_referring_vet_submits_a_case() -> None:
    spec.given().when(SUBMIT).then(submitted)


def test_a_case_is_not_shared_without_the_owners_consent() -> None:
    spec.given().when(replace(SUBMIT, owner_consents=False)).then_refused("owner-consent-missing")


def test_r3_documents_keep_the_order_they_were_given() -> None:
    [event] = spec.given().when(SUBMIT).outcome()
    assert isinstance(event, events.ReferralSubmitted)
    assert [(document.position, document.title) for document in event.documents] == [
        (1, "Blood count"),
        (2, "Thorax, lateral"),
    ]


@pytest.mark.parametrize("positions", [(2, 1), (1, 1), (1, 3), (0, 1)])
def test_r3_positions_that_are_no_order_are_refused(positions: tuple[int, int]) -> None:
    documents = tuple(d.model_copy(update={"position": p}) for d, p in zip(DOCUMENTS, positions, strict=True))
    spec.given().when(replace(SUBMIT, documents=documents)).then_refused("documents-out-of-order")


def test_a_case_may_come_without_documents() -> None:
    spec.given().when(replace(SUBMIT, documents=())).then(submitted.model_copy(update={"documents": ()}))


COMMANDS: dict[str, Command] = {"submit": SUBMIT, "accept": ACCEPT, "decline": DECLINE}
STATES: dict[str, list[ReferralEvent]] = {
    "nothing": [],
    "submitted": [submitted],
    "accepted": [submitted, accepted],
    "declined": [submitted, declined],
}
OUTCOMES: dict[tuple[str, str], ReferralEvent | str | None] = {
    ("nothing", "submit"): submitted,
    ("submitted", "submit"): None,
    ("accepted", "submit"): None,
    ("declined", "submit"): None,
    ("nothing", "accept"): "not-found",
    ("submitted", "accept"): accepted,
    ("accepted", "accept"): None,
    ("declined", "accept"): "referral-already-declined",
    ("nothing", "decline"): "not-found",
    ("submitted", "decline"): declined,
    ("accepted", "decline"): "referral-already-accepted",
    ("declined", "decline"): None,
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


commands = st.sampled_from([*COMMANDS.values(), replace(DECLINE, reason="Full."), replace(ACCEPT, by="staff-1")])


@given(st.lists(commands, max_size=5), commands)
def test_deciding_a_command_again_has_no_second_effect(before: list[Command], command: Command) -> None:
    state: Referral = NotSubmitted()
    for each in (*before, command):
        try:
            decided = referral.decide(each, state)
        except Refused:
            if each is command:
                return
            continue
        for event in decided:
            state = referral.evolve(state, event)
    assert referral.decide(command, state) == []
