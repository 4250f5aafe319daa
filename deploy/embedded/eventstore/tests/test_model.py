"""The server and the model do the same, whatever comes in whatever order: Hypothesis looks for a difference."""

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeVar
from uuid import UUID

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from esdbclient import EventStoreDBClient, NewEvent, RecordedEvent, StreamState
from esdbclient import exceptions as client_errors
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from deploy.embedded.eventstore.server import EventStoreServer
from deploy.embedded.eventstore.tests import model
from deploy.embedded.eventstore.tests.model import Conflict, Event, Expected, Gone, Missing, Model, Refusal
from deploy.embedded.eventstore.verify import verify_data

T = TypeVar("T")

ANSWERS: tuple[tuple[type[Exception], type[Refusal]], ...] = (
    (client_errors.WrongCurrentVersion, Conflict),
    (client_errors.NotFound, Missing),
    (client_errors.StreamIsDeleted, Gone),
    (client_errors.FailedPrecondition, Gone),  # what the client makes of a tombstone when it sends one event
)
STATES = {model.NO_STREAM: StreamState.NO_STREAM, model.ANY: StreamState.ANY, model.EXISTS: StreamState.EXISTS}

names = st.sampled_from(["patient-1", "patient-1", "client-1"])
expectations = st.sampled_from([model.ANY, model.ANY, model.NO_STREAM, model.EXISTS, "last", 0, 1, 3])
# Few ids, so that repeats, and mixtures of old and new, are common.
events = st.builds(
    lambda number: (UUID(int=number), f"Happened{number % 3}", json.dumps({"n": number}).encode()), st.integers(1, 7)
)
metadata = st.fixed_dictionaries({}, optional={"$maxCount": st.integers(1, 3), "$tb": st.integers(0, 4)})


def outcome(wish: Callable[[], T]) -> T | type[Refusal]:
    try:
        return wish()
    except Refusal as refusal:
        return type(refusal)
    except client_errors.EventStoreDBClientException as error:
        return next(told for kind, told in ANSWERS if isinstance(error, kind))


class ServerAndModel(RuleBasedStateMachine):
    """Every rule asks both the same and compares the answers."""

    portal: ClassVar[BlockingPortal]

    def __init__(self) -> None:
        super().__init__()
        self.data = Path(tempfile.mkdtemp())
        self.model = Model()
        self.positions: list[int] = []

    @initialize()
    def begin(self) -> None:
        self.start()
        self.learn("patient-1")

    def start(self) -> None:
        self.server: EventStoreServer = self.portal.call(EventStoreServer, self.data / "events.db")
        port = self.portal.call(self.server.start, "127.0.0.1", 0)
        self.client = EventStoreDBClient(f"esdb://127.0.0.1:{port}?tls=false")

    def stop(self) -> None:
        self.client.close()
        self.portal.call(self.server.stop)

    def teardown(self) -> None:
        self.stop()
        try:
            assert verify_data(self.data).broken is None
        finally:
            shutil.rmtree(self.data)

    def expected(self, name: str, wanted: Expected) -> tuple[Expected, int | StreamState]:
        """The same expectation for the model and for the client."""
        if wanted == "last":
            last = self.model.last(name)
            wanted = model.NO_STREAM if last < 0 else last
        return wanted, wanted if isinstance(wanted, int) else STATES[wanted]

    @rule(name=names, wanted=expectations, some=st.lists(events, min_size=1, max_size=3), alone=st.booleans())
    def append(self, name: str, wanted: Expected, some: list[tuple[UUID, str, bytes]], alone: bool) -> None:
        """One event goes by Append, a list by BatchAppend."""
        ours, theirs = self.expected(name, wanted)
        sent = [NewEvent(type_, data, id=event_id) for event_id, type_, data in (some[:1] if alone else some)]
        write = partial(self.client.append_to_stream, name, current_version=theirs, events=sent[0] if alone else sent)
        predicted = outcome(lambda: self.model.append(name, ours, some[:1] if alone else some))
        position = outcome(write)
        self.learn(name)
        if isinstance(predicted, Event):
            assert position == self.positions[self.model.all.index(predicted)]
        else:
            assert position is predicted

    @rule(name=names, wanted=expectations, final=st.sampled_from([False] * 9 + [True]))
    def delete(self, name: str, wanted: Expected, final: bool) -> None:
        ours, theirs = self.expected(name, wanted)
        predicted = outcome(lambda: (self.model.tombstone if final else self.model.delete)(name, ours))
        wish = self.client.tombstone_stream if final else self.client.delete_stream
        answer: object = outcome(lambda: wish(name, current_version=theirs))
        assert answer is predicted
        self.learn(name)

    @rule(name=names, wanted=st.sampled_from([model.ANY, "last"]), document=metadata)
    def set_metadata(self, name: str, wanted: Expected, document: dict[str, int]) -> None:
        ours, theirs = self.expected(f"$${name}", wanted)
        self.model.set_metadata(name, document, ours)
        self.client.set_stream_metadata(name, metadata=document, current_version=theirs)
        self.learn(name)

    @rule(name=names, start=st.none() | st.integers(0, 6), backwards=st.booleans(), limit=st.integers(1, 9))
    def read(self, name: str, start: int | None, backwards: bool, limit: int) -> None:
        def predicted() -> list[Event]:
            seen = self.model.read(name)
            low, high = (0, start) if backwards else (start, None)
            seen = [e for e in seen if e.revision >= (low or 0) and (high is None or e.revision <= high)]
            return (seen[::-1] if backwards else seen)[:limit]

        read = partial(self.client.get_stream, name, stream_position=start, backwards=backwards, limit=limit)
        self.compare(outcome(read), outcome(predicted))

    @rule(name=names)
    def read_metadata(self, name: str) -> None:
        answer = outcome(lambda: self.client.get_stream_metadata(name)[0])
        assert answer == outcome(lambda: self.model.read_metadata(name))

    @rule(
        place=st.floats(0, 1), backwards=st.booleans(), limit=st.integers(1, 40), kind=st.sampled_from(["", "0", "1"])
    )
    def read_all(self, place: float, backwards: bool, limit: int, kind: str) -> None:
        index = int(place * (len(self.positions) - 1)) if self.positions else 0
        chosen = self.model.all[:index][::-1] if backwards else self.model.all[index:]
        wanted = [f"Happened{kind}"] if kind else []
        predicted = [e for e in chosen if e.type in wanted or not kind][:limit]
        position = self.positions[index] if self.positions else 0
        found = list(
            self.client.read_all(
                commit_position=position, backwards=backwards, limit=limit, filter_include=wanted, filter_exclude=()
            )
        )
        self.compare(found, predicted)

    @rule(really=st.sampled_from([False, False, False, True]))
    def restart(self, really: bool) -> None:
        if really:
            self.stop()
            self.start()

    def learn(self, name: str) -> None:
        """What was written since the last look is what the model wrote, at positions that rise."""
        self.compare(outcome(lambda: self.client.get_stream(name)), outcome(lambda: self.model.read(name)))
        known = len(self.positions)
        after = self.positions[-1] if known else 0
        found = list(self.client.read_all(commit_position=after, filter_exclude=()))[1 if known else 0 :]
        self.compare(found, self.model.all[known:])
        self.positions += [event.commit_position or 0 for event in found]
        assert self.positions == sorted(set(self.positions))

    def compare(self, found: Sequence[RecordedEvent] | type[Refusal], predicted: list[Event] | type[Refusal]) -> None:
        if isinstance(predicted, type) or isinstance(found, type):
            assert found is predicted
            return
        assert [(e.stream_name, e.stream_position, e.type, content(e)) for e in found] == [
            (e.stream, e.revision, e.type, content(e)) for e in predicted
        ]
        assert all(ours.id in (None, theirs.id) for theirs, ours in zip(found, predicted, strict=True))


def content(event: RecordedEvent | Event) -> object:
    """Metadata is compared by what it says: the server writes it in its own way."""
    return json.loads(event.data) if event.type == "$metadata" else event.data


@pytest.mark.servers
def test_the_server_does_what_the_model_does() -> None:
    """The same sequences in every run: a failure here is a failure everywhere. Making it shorter would take minutes."""
    bounded = settings(
        max_examples=20, stateful_step_count=50, derandomize=True, deadline=None, phases=[Phase.generate]
    )
    with start_blocking_portal(backend_options={"use_uvloop": True}) as portal:
        ServerAndModel.portal = portal
        run_state_machine_as_test(ServerAndModel, settings=bounded)
