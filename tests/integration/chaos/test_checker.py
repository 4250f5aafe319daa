"""The checker finds each broken promise in an invented run that is sound otherwise (reliability B.2)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.chaos.checker import check
from tests.integration.chaos.evidence import Document, Evidence, Fact, Mail, Policy, Record, Snapshot, View
from tests.integration.chaos.history import Answer, History, Mailed, Shows, Wish

COUNTED, HIDDEN = "toy.Counted.v1", "toy.Hidden.v1"
VIEW = View("toy/tallies", "toy", "tally", frozenset({"toy.events"}))
POLICY = Policy("toy/when_counted_then_mail", frozenset({COUNTED}), frozenset({"toy.events"}))
FACTS = (
    Fact("e0", COUNTED, "tally-elm.a", 0, 10, frozenset({"m0"})),
    Fact("e1", COUNTED, "tally-elm.a", 1, 20, frozenset({"m1"})),
    Fact("e2", HIDDEN, "tally-elm.a", 2, 30),
    Fact("e3", COUNTED, "tally-oak.b", 0, 40, frozenset({"m3"})),
)
RECORDS = (
    Record("toy.events", 0, 0, "tally-elm.a", 0, "e0"),
    Record("toy.events", 0, 1, "tally-elm.a", 1, "e1"),
    Record("toy.events", 0, 2, "tally-elm.a", 0, "e0"),
    Record("toy.events", 0, 3, "tally-elm.a", 1, "e1"),
    Record("toy.events", 1, 0, "tally-oak.b", 0, "e3"),
)
DOCUMENTS = (
    Document("toy/tallies", "tally-elm.a", "elm", 1),
    Document("toy/tallies", "tally-oak.b", "oak", 0),
)
NO_REPLY = Answer("unknown", None)


def accepted(stream: str, revision: int) -> Answer:
    return Answer("ok", 201, {"stream": stream, "revision": revision})


def wish(number: int, *answers: Answer, mails: tuple[Mailed, ...] = ()) -> Wish:
    return Wish(number, 1, "count", f"k{number}", (Shows(COUNTED, f"m{number}"),), mails, list(answers))


def mail(event_id: str, to: str = "a@example.org", index: int = 0) -> Mail:
    return Mail(f"when_counted_then_mail/{event_id}/{index}", to, "total 1")


def sound() -> Evidence:
    """One retried command, one that the relay published twice, one unpublished event, mails, two tenants."""
    return Evidence(
        views=(VIEW,),
        policies=(POLICY,),
        published=frozenset({COUNTED}),
        wishes=[
            wish(0, NO_REPLY, accepted("tally-elm.a", 0), mails=(Mailed("a@example.org", "total"),)),
            wish(1, accepted("tally-elm.a", 1), accepted("tally-elm.a", 1)),
            wish(3, accepted("tally-oak.b", 0)),
        ],
        facts=FACTS,
        remembered={"e0": FACTS[0]},
        records=RECORDS,
        documents=DOCUMENTS,
        snapshots=[Snapshot("toy", {("toy.events", 0): 1}, {("toy/tallies", "tally-elm.a"): 0})],
        mails=[mail("e0"), mail("e0")],
        done=frozenset((POLICY.name, id_) for id_ in ("e0", "e1", "e3")),
    )


def found(evidence: Evidence) -> set[str]:
    return {violation.invariant for violation in check(evidence)}


def test_a_sound_run_breaks_nothing() -> None:
    assert check(sound()) == []


Break = Callable[[Evidence], None]


def an_acknowledged_event_is_gone(run: Evidence) -> None:
    run.facts = FACTS[:1] + FACTS[2:]


def an_acknowledged_event_is_there_twice(run: Evidence) -> None:
    run.facts = (*FACTS, Fact("e9", COUNTED, "tally-elm.a", 3, 50, frozenset({"m1"})))


def an_event_is_not_where_the_answer_says(run: Evidence) -> None:
    run.wishes = [wish(1, accepted("tally-elm.a", 7))]


def an_event_seen_before_is_lost(run: Evidence) -> None:
    run.remembered = {**run.remembered, "e8": Fact("e8", COUNTED, "tally-elm.z", 0, 5)}


def an_event_seen_before_has_changed(run: Evidence) -> None:
    run.remembered = {"e0": replace(FACTS[0], position=11)}


def a_revision_is_there_twice(run: Evidence) -> None:
    run.facts = (*FACTS, Fact("e9", HIDDEN, "tally-elm.a", 2, 50))


def a_command_is_never_answered(run: Evidence) -> None:
    run.wishes = [wish(1, NO_REPLY, NO_REPLY)]


def a_retry_gets_another_answer(run: Evidence) -> None:
    run.wishes = [wish(1, accepted("tally-elm.a", 1), accepted("tally-elm.a", 2))]


def a_refused_command_is_stored(run: Evidence) -> None:
    run.wishes = [wish(1, NO_REPLY, Answer("fail", 409))]


def a_sound_command_is_refused(run: Evidence) -> None:
    run.wishes = [wish(77, Answer("fail", 422))]


def a_document_differs_from_its_fold(run: Evidence) -> None:
    run.documents = (replace(DOCUMENTS[0], differing=("total",)), DOCUMENTS[1])


def a_document_has_not_seen_the_newest_event(run: Evidence) -> None:
    run.documents = (replace(DOCUMENTS[0], revision=0), DOCUMENTS[1])


def a_document_has_seen_what_never_was(run: Evidence) -> None:
    run.documents = (replace(DOCUMENTS[0], revision=3), DOCUMENTS[1])


def a_document_is_missing(run: Evidence) -> None:
    run.documents = DOCUMENTS[1:]


def two_mails_for_one_wish(run: Evidence) -> None:
    run.mails = [mail("e0"), mail("e0", index=1)]


def a_mail_is_missing(run: Evidence) -> None:
    run.mails = ()


def a_mail_of_no_event(run: Evidence) -> None:
    run.mails = [mail("e0"), mail("e7", to="b@example.org")]


def a_position_is_ahead_of_the_documents(run: Evidence) -> None:
    run.snapshots = [Snapshot("toy", {("toy.events", 0): 2}, {("toy/tallies", "tally-elm.a"): 0})]


def a_record_is_missing_on_the_topic(run: Evidence) -> None:
    run.records = tuple(record for record in RECORDS if record.event_id != "e0")


def records_are_out_of_order(run: Evidence) -> None:
    run.records = (RECORDS[1], RECORDS[0], RECORDS[4])


def a_stream_is_on_two_partitions(run: Evidence) -> None:
    run.records = (*RECORDS, Record("toy.events", 2, 0, "tally-oak.b", 0, "e3"))


def an_event_is_neither_applied_nor_parked(run: Evidence) -> None:
    run.documents = (DOCUMENTS[0], replace(DOCUMENTS[1], revision=-1))


def an_automation_never_ran(run: Evidence) -> None:
    run.done = frozenset((POLICY.name, id_) for id_ in ("e0", "e1"))


def a_sound_event_is_parked(run: Evidence) -> None:
    run.parked = frozenset({("toy/tallies", "e3")})
    run.documents = DOCUMENTS[:1]


def a_document_is_anothers(run: Evidence) -> None:
    run.documents = (replace(DOCUMENTS[0], tenant="oak"), DOCUMENTS[1])


@pytest.mark.parametrize(
    ("invariant", "broken"),
    [
        ("I1", an_acknowledged_event_is_gone),
        ("I1", an_acknowledged_event_is_there_twice),
        ("I1", an_event_is_not_where_the_answer_says),
        ("I1", an_event_seen_before_is_lost),
        ("I1", an_event_seen_before_has_changed),
        ("I1", a_revision_is_there_twice),
        ("I2", a_command_is_never_answered),
        ("I2", a_retry_gets_another_answer),
        ("I2", a_refused_command_is_stored),
        ("I2", a_sound_command_is_refused),
        ("I3", a_document_differs_from_its_fold),
        ("I3", a_document_has_not_seen_the_newest_event),
        ("I3", a_document_has_seen_what_never_was),
        ("I3", a_document_is_missing),
        ("I4", two_mails_for_one_wish),
        ("I4", a_mail_is_missing),
        ("I4", a_mail_of_no_event),
        ("I5", a_position_is_ahead_of_the_documents),
        ("I6", a_record_is_missing_on_the_topic),
        ("I6", records_are_out_of_order),
        ("I6", a_stream_is_on_two_partitions),
        ("I7", an_event_is_neither_applied_nor_parked),
        ("I7", an_automation_never_ran),
        ("I7", a_sound_event_is_parked),
        ("I8", a_document_is_anothers),
    ],
)
def test_one_broken_promise_is_found(invariant: str, broken: Break) -> None:
    run = sound()
    broken(run)
    assert invariant in found(run)


def test_what_was_meant_to_fail_may_be_parked() -> None:
    run = sound()
    run.parked = frozenset({("toy/tallies", "e3")})
    run.documents, run.expects_parked = DOCUMENTS[:1], True
    assert check(run) == []


def test_every_attempt_is_a_line_of_the_history(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    wish = history.begin(1, "count", (Shows(COUNTED, "{id}"),), key="k")
    history.note(wish, NO_REPLY)
    assert wish.outcome == "unknown"
    history.note(wish, Answer("ok", 201, {"id": "7"}))
    assert (wish.outcome, wish.filled("{id}")) == ("ok", "7")
    lines = history.path.read_text().splitlines()
    assert len(lines) == 2
    assert '"outcome": "unknown"' in lines[0]
