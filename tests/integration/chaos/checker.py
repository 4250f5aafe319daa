"""The invariants I1 to I8 of reliability B.2, checked on what a run left behind. It only reads plain values."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from shared.kernel.streams import category_of, clinic_of
from tests.integration.chaos.evidence import Evidence, Fact, Record, Snapshot, View
from tests.integration.chaos.history import Wish


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise."""

    invariant: str
    what: str


def check(evidence: Evidence) -> list[Violation]:
    """Everything that is wrong, in the order of the invariants; empty when all of them hold."""
    return [Violation(name, what) for name, rule in RULES for what in rule(evidence)]


def acknowledged_is_stored_once(evidence: Evidence) -> Iterator[str]:
    """I1. What was answered with 2xx is in the store exactly once, where the answer says; nothing is ever lost."""
    found = Counter((fact.type, value) for fact in evidence.facts for value in fact.values)
    places = {(fact.stream, fact.revision) for fact in evidence.facts}
    for wish in evidence.wishes:
        if wish.outcome != "ok":
            continue
        for each in wish.shows:
            if (times := found[each.type, wish.filled(each.value)]) != 1:
                yield f"{named(wish)}: {each.type} is stored {times} times"
        body = wish.successes[0]
        if "stream" in body and wish.shows and (body["stream"], body["revision"]) not in places:
            yield f"{named(wish)}: nothing is at {body['stream']}@{body['revision']}"
    now = {fact.id: fact for fact in evidence.facts}
    for id_, fact in evidence.remembered.items():
        if now.get(id_) != fact:
            yield f"{fact.stream}@{fact.revision}: was there before, and is lost or another now"
    for (stream, revision), times in Counter((fact.stream, fact.revision) for fact in evidence.facts).items():
        if times > 1:
            yield f"{stream}@{revision}: is there {times} times"


def unknown_is_settled_by_a_retry(evidence: Evidence) -> Iterator[str]:
    """I2. Every command is answered in the end; the same key gives the same answer; a refused one left nothing."""
    found = Counter((fact.type, value) for fact in evidence.facts for value in fact.values)
    for wish in evidence.wishes:
        if wish.outcome == "unknown":
            yield f"{named(wish)}: was never answered ({[answer.status for answer in wish.answers][-3:]})"
        if wish.outcome == "fail":
            yield f"{named(wish)}: was refused though nothing is wrong with it: {wish.answers[-1]}"
            if any(found[each.type, each.value] for each in wish.shows):
                yield f"{named(wish)}: was refused, yet it is stored"
        if any(body != wish.successes[0] for body in wish.successes):
            yield f"{named(wish)}: got different answers: {wish.successes}"


def documents_equal_a_fresh_fold(evidence: Evidence) -> Iterator[str]:
    """I3. Every document is what its stream says, and has seen the newest published event of it."""
    newest = _newest(evidence.facts)
    told = _newest(fact for fact in evidence.facts if fact.type in evidence.published)
    held = {(document.view, document.stream): document.revision for document in evidence.documents}
    for document in evidence.documents:
        if document.differing:
            yield f"{document.view} of {document.stream}: differs in {', '.join(document.differing)}"
    stuck = _streams_of(evidence, evidence.parked)
    for view in evidence.views:
        for stream in told:
            if category_of(stream) != view.category or (view.name, stream) in stuck:
                continue
            revision = held.get((view.name, stream), -1)
            if not told[stream] <= revision <= newest[stream]:
                yield f"{view.name} of {stream}: has seen {revision} of {told[stream]}..{newest[stream]}"


def effects_happen_once(evidence: Evidence) -> Iterator[str]:
    """I4. One effect for every event that asks for one, none for an event that is not there.

    A delivery that is repeated with its Message-ID is one effect: mail has no other way to say so (RFC 5322 3.6.4).
    """
    by_effect = {mail.effect: mail for mail in evidence.mails}
    for wish in evidence.wishes:
        if wish.outcome != "ok":
            continue
        for wanted in wish.mails:
            says = wish.filled(wanted.says)
            got = [mail.effect for mail in by_effect.values() if mail.to == wanted.to and says in mail.text]
            if len(got) != 1:
                yield f"{named(wish)}: {len(got)} mails to {wanted.to}: {got}"
    ids = {fact.id for fact in evidence.facts}
    for effect in by_effect:
        if effect.split("/")[-2] not in ids:
            yield f"a mail of an event that is not stored: {effect}"


def positions_stay_behind_what_is_handled(evidence: Evidence) -> Iterator[str]:
    """I5. What a stored position leaves behind is in the documents already, whatever died in between."""
    by_topic = _by_partition(evidence)
    for shot in evidence.snapshots:
        for place, following in shot.next.items():
            behind = [record for record in by_topic.get(place, ()) if record.offset < following]
            for view in evidence.views:
                if view.service == shot.service:
                    yield from _unseen(view, behind, shot, evidence.parked)


def order_never_goes_back(evidence: Evidence) -> Iterator[str]:
    """I6. A reader that drops what it has seen meets every published revision of a stream in order, at one place."""
    published: dict[str, list[int]] = defaultdict(list)
    for fact in sorted(evidence.facts, key=lambda fact: fact.revision):
        if fact.type in evidence.published:
            published[fact.stream].append(fact.revision)
    places: dict[str, set[tuple[str, int]]] = defaultdict(set)
    read: dict[str, list[int]] = defaultdict(list)
    for record in evidence.records:
        first = published[record.stream][0] if published[record.stream] else 0
        places[record.stream].add((record.topic, record.partition))
        if record.revision > max(read[record.stream], default=first - 1):
            read[record.stream].append(record.revision)
    for stream, wanted in published.items():
        if read[stream] != wanted:
            yield f"{stream}: a reader of the topic sees {read[stream]}, published are {wanted}"
        if len(places[stream]) > 1:
            yield f"{stream}: is on several partitions: {sorted(places[stream])}"


def every_event_is_applied_parked_or_filtered(evidence: Evidence) -> Iterator[str]:
    """I7. For each view and each automation: applied + parked + filtered = all; and no fault parks a sound event."""
    told = {fact.id: fact for fact in evidence.facts if fact.type in evidence.published}
    held = {(document.view, document.stream): document.revision for document in evidence.documents}
    for view in evidence.views:
        mine = [fact for fact in told.values() if category_of(fact.stream) == view.category]
        applied = {fact.id for fact in mine if held.get((view.name, fact.stream), -1) >= fact.revision}
        parked = {id_ for handler, id_ in evidence.parked if handler == view.name and id_ in told}
        filtered = len(told) - len(mine)
        if len(applied - parked) + len(parked) + filtered != len(told):
            yield f"{view.name}: {len(applied)} applied, {len(parked)} parked, {filtered} filtered of {len(told)}"
    for policy in evidence.policies:
        wanted = {fact.id for fact in told.values() if fact.type in policy.types}
        done = {id_ for handler, id_ in evidence.done | evidence.parked if handler == policy.name}
        if missing := wanted - done:
            yield f"{policy.name}: never ran for {sorted(missing)[:5]}"
    if not evidence.expects_parked:
        yield from (f"{handler}: parked {id_}" for handler, id_ in sorted(evidence.parked))


def documents_stay_with_their_tenant(evidence: Evidence) -> Iterator[str]:
    """I8. The clinic of a document is the clinic of its stream."""
    for document in evidence.documents:
        if document.tenant != clinic_of(document.stream):
            yield f"{document.view} of {document.stream}: belongs to {document.tenant}"


RULES: tuple[tuple[str, Callable[[Evidence], Iterator[str]]], ...] = (
    ("I1", acknowledged_is_stored_once),
    ("I2", unknown_is_settled_by_a_retry),
    ("I3", documents_equal_a_fresh_fold),
    ("I4", effects_happen_once),
    ("I5", positions_stay_behind_what_is_handled),
    ("I6", order_never_goes_back),
    ("I7", every_event_is_applied_parked_or_filtered),
    ("I8", documents_stay_with_their_tenant),
)


def named(wish: Wish) -> str:
    """Which one, for people."""
    return f"#{wish.number} {wish.kind} (round {wish.round})"


def _by_partition(evidence: Evidence) -> dict[tuple[str, int], list[Record]]:
    found: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in evidence.records:
        found[record.topic, record.partition].append(record)
    return found


def _unseen(view: View, behind: list[Record], shot: Snapshot, parked: frozenset[tuple[str, str]]) -> Iterator[str]:
    for record in behind:
        if category_of(record.stream) != view.category or (view.name, record.event_id) in parked:
            continue
        seen = shot.revisions.get((view.name, record.stream), -1)
        if seen < record.revision:
            place = f"{record.topic}/{record.partition}@{record.offset}"
            yield f"{view.name}: the position is beyond {place}, but {record.stream} has seen {seen}"


def _newest(facts: Iterable[Fact]) -> dict[str, int]:
    newest: dict[str, int] = {}
    for fact in facts:
        newest[fact.stream] = max(newest.get(fact.stream, -1), fact.revision)
    return newest


def _streams_of(evidence: Evidence, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Pairs of handler and event as pairs of handler and stream."""
    stream = {fact.id: fact.stream for fact in evidence.facts}
    return {(handler, stream.get(id_, "")) for handler, id_ in pairs}
