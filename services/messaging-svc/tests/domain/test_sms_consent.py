from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from messaging.domain.sms_consent import Consent, ReceiveSms, sms_consent
from shared.events import messaging as events
from shared.events.messaging import Keyword
from shared.testing.clocks import NOON
from shared.testing.decider_spec import DeciderSpec

LATER = NOON + timedelta(seconds=5)
EARLIER = NOON - timedelta(seconds=5)
TEXT = ReceiveSms(
    clinic_id="elm",
    number="+15550001111",
    phone_index="abc",
    phone="+15552223333",
    message_id="SM1",
    body="STOP",
    sent_at=NOON,
    now=NOON,
)
spec = DeciderSpec(sms_consent)


def text(body: str, message_id: str = "SM2", sent_at: datetime = LATER) -> ReceiveSms:
    return replace(TEXT, body=body, message_id=message_id, sent_at=sent_at)


def received(command: ReceiveSms, keyword: Keyword | None) -> events.SmsReceived:
    return events.SmsReceived(
        clinic_id="elm",
        number="+15550001111",
        phone_index="abc",
        message_id=command.message_id,
        keyword=keyword,
        phone="+15552223333",
        body=command.body,
        sent_at=command.sent_at,
        received_at=NOON,
    )


def opted_out(command: ReceiveSms) -> events.SmsOptedOut:
    return events.SmsOptedOut(
        clinic_id="elm",
        number="+15550001111",
        phone_index="abc",
        message_id=command.message_id,
        opted_out_at=command.sent_at,
    )


def opted_in(command: ReceiveSms) -> events.SmsOptedIn:
    return events.SmsOptedIn(
        clinic_id="elm",
        number="+15550001111",
        phone_index="abc",
        message_id=command.message_id,
        opted_in_at=command.sent_at,
    )


STOPPED = (received(TEXT, "stop"), opted_out(TEXT))


def test_r82_a_stop_opts_out() -> None:
    spec.given().when(TEXT).then(*STOPPED)


def test_a_repeated_stop_is_recorded_and_changes_nothing() -> None:
    again = text("Stop")
    spec.given(*STOPPED).when(again).then(received(again, "stop"))


def test_r83_r84_a_start_lifts_the_opt_out() -> None:
    start = text("Start")
    spec.given(*STOPPED).when(start).then(received(start, "start"), opted_in(start))


def test_a_start_without_an_opt_out_changes_nothing() -> None:
    start = text("START")
    spec.given().when(start).then(received(start, "start"))


def test_sms_rules_3_a_yes_of_an_opted_in_phone_is_an_ordinary_answer() -> None:
    yes = text("Yes")
    spec.given().when(yes).then(received(yes, "start"))


def test_other_texts_are_recorded_whatever_the_consent() -> None:
    hello, help_me = text("He limps again."), text("HELP")
    spec.given().when(hello).then(received(hello, None))
    spec.given(*STOPPED).when(hello).then(received(hello, None))
    spec.given(*STOPPED).when(help_me).then(received(help_me, "help"))


def test_a_redelivered_message_changes_nothing() -> None:
    spec.given(*STOPPED).when(TEXT).then_nothing_happens()
    start = text("START")
    spec.given(*STOPPED, received(start, "start"), opted_in(start)).when(TEXT).then_nothing_happens()


def test_a_repeated_stop_that_is_delivered_again_after_a_start_stops_nothing() -> None:
    again, start = text("STOP", "SM2"), text("START", "SM3", LATER + timedelta(seconds=1))
    lifted = (received(start, "start"), opted_in(start))
    spec.given(*STOPPED, received(again, "stop"), *lifted).when(again).then_nothing_happens()


def test_a_stop_older_than_the_newest_start_comes_too_late() -> None:
    start, late = text("START", "SM1", NOON), text("STOP", "SM2", EARLIER)
    spec.given(received(start, "start")).when(late).then(received(late, "stop"))


def test_a_start_older_than_the_newest_stop_lifts_nothing() -> None:
    late = text("START", "SM2", EARLIER)
    spec.given(*STOPPED).when(late).then(received(late, "start"))


def test_on_a_tie_the_opt_out_wins() -> None:
    start, stop = text("START", "SM2", NOON), text("STOP", "SM3", NOON)
    spec.given(*STOPPED).when(start).then(received(start, "start"))
    spec.given(received(start, "start")).when(stop).then(received(stop, "stop"), opted_out(stop))


def test_what_the_provider_took_it_for_counts() -> None:
    basta = replace(text("Basta"), provider_keyword="stop")
    spec.given().when(basta).then(received(basta, "stop"), opted_out(basta))


def test_the_opt_out_of_an_erased_person_still_holds() -> None:
    erased = STOPPED[0].model_copy(update={"phone": None, "body": None})
    assert sms_consent.fold([erased, STOPPED[1]]).is_opted_out


texts = st.builds(
    lambda body, seconds: (body, NOON + timedelta(seconds=seconds)),
    st.sampled_from(["STOP", "start", "Yes", "help", "hello", "cancel"]),
    st.integers(0, 4),
)


def after(commands: list[ReceiveSms]) -> Consent:
    state = Consent()
    for command in commands:
        for event in sms_consent.decide(command, state):
            state = sms_consent.evolve(state, event)
    return state


@given(st.lists(texts, max_size=7), st.data())
def test_order_and_repeats_of_delivery_do_not_matter(sent: list[tuple[str, datetime]], data: st.DataObject) -> None:
    commands = [text(body, f"SM{i}", at) for i, (body, at) in enumerate(sent)]
    repeated = commands + data.draw(st.lists(st.sampled_from(commands), max_size=4) if commands else st.just([]))
    delivered = data.draw(st.permutations(repeated))
    decisive = max((c for c in commands if c.keyword in ("stop", "start")), key=_stop_wins_a_tie, default=None)
    assert after(delivered).is_opted_out == (decisive is not None and decisive.keyword == "stop")


def _stop_wins_a_tie(command: ReceiveSms) -> tuple[datetime, bool]:
    return command.sent_at, command.keyword == "stop"


@given(st.lists(texts, min_size=1, max_size=7))
def test_deciding_a_command_again_has_no_second_effect(sent: list[tuple[str, datetime]]) -> None:
    commands = [text(body, f"SM{i}", at) for i, (body, at) in enumerate(sent)]
    state = after(commands)
    assert all(sms_consent.decide(command, state) == [] for command in commands)
