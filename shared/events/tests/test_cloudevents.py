"""CloudEvents 1.0, Kafka protocol binding, binary mode (sections 3.1 to 3.2 of the binding)."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.cloudevents import NotACloudEvent, from_record, to_headers
from shared.events.envelope import Actor, ActorKind, Metadata, StoredEvent

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
REQUIRED = {
    "ce_specversion",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_subject",
    "ce_time",
    "ce_clinicid",
    "ce_actorkind",
    "ce_actorid",
    "ce_commandid",
    "ce_correlationid",
    "ce_streamrevision",
    "ce_commitposition",
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
METADATA = st.builds(
    Metadata,
    clinic_id=TEXT,
    actor=st.builds(Actor, kind=st.sampled_from(get_args(ActorKind)), id=TEXT),
    command_id=st.uuids(),
    correlation_id=TEXT,
    causation_id=st.none() | TEXT,
    traceparent=st.none() | st.from_regex(r"\A00-[0-9a-f]{32}-[0-9a-f]{16}-01\Z"),
    recorded_at=st.datetimes(timezones=st.just(UTC)),
)
STORED = st.builds(
    StoredEvent,
    id=st.uuids(),
    type=TEXT,
    stream=TEXT,
    revision=st.integers(0, 2**63 - 1),
    position=st.integers(0, 2**63 - 1),
    data=st.binary(),
    metadata=METADATA.map(lambda meta: meta.model_dump_json(exclude_none=True).encode()),
)


def stored(**changes: object) -> StoredEvent:
    metadata = Metadata(
        clinic_id="elm",
        actor=Actor(kind="pims", id="bridge"),
        command_id=UUID(int=5),
        correlation_id="run-1",
        causation_id="row-9",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        recorded_at=NOON,
    )
    fields: dict[str, object] = {
        "id": UUID(int=7),
        "type": "pims-sync.PatientSynced.v2",
        "stream": "patient-elm.ä 42",
        "revision": 3,
        "position": 9001,
        "data": b'{"name":"Rex"}',
        "metadata": metadata.model_dump_json(exclude_none=True).encode(),
    }
    return StoredEvent(**(fields | changes))  # type: ignore[arg-type]  # the fields above are the right ones


def headers() -> dict[str, bytes]:
    return dict(to_headers(stored(), "/pims-sync"))


@given(STORED)
def test_an_event_survives_the_way_to_kafka_and_back(event: StoredEvent) -> None:
    assert from_record(event.data, to_headers(event, "/pims-sync")) == event


@given(STORED)
def test_headers_survive_the_way_from_kafka_and_back(event: StoredEvent) -> None:
    there = to_headers(event, "/pims-sync")
    assert to_headers(from_record(event.data, there), "/pims-sync") == there


def test_the_required_attributes_of_the_standard_are_there() -> None:
    found = headers()
    assert found["ce_specversion"] == b"1.0"
    assert found["ce_id"] == str(UUID(int=7)).encode()
    assert found["ce_source"] == b"/pims-sync"
    assert found["ce_type"] == b"pims-sync.PatientSynced.v2"


def test_the_subject_is_the_stream_in_utf_8() -> None:
    assert headers()["ce_subject"] == "patient-elm.ä 42".encode()


def test_the_time_is_as_in_rfc_3339() -> None:
    assert datetime.fromisoformat(headers()["ce_time"].decode()) == NOON
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", headers()["ce_time"].decode())


def test_the_body_is_announced_as_json_and_not_wrapped() -> None:
    assert headers()["content-type"] == b"application/json"
    assert json.loads(from_record(stored().data, to_headers(stored(), "/pims-sync")).data) == {"name": "Rex"}


def test_attribute_names_are_lower_case_letters_and_digits_behind_the_prefix() -> None:
    names = headers().keys() - {"content-type", "traceparent"}
    assert all(re.fullmatch(r"ce_[a-z0-9]{1,20}", name) for name in names)


def test_no_header_comes_twice() -> None:
    names = [name for name, _ in to_headers(stored(), "/pims-sync")]
    assert len(names) == len(set(names))


def test_what_is_not_known_is_left_out_instead_of_empty() -> None:
    bare = Metadata.model_validate_json(stored().metadata).model_copy(
        update={"causation_id": None, "traceparent": None}
    )
    event = stored(metadata=bare.model_dump_json(exclude_none=True).encode())
    found = dict(to_headers(event, "/pims-sync"))
    assert not {"ce_causationid", "traceparent"} & found.keys()
    assert from_record(event.data, found.items()) == event


def test_a_time_of_another_zone_stays_the_same_moment() -> None:
    found = headers() | {"ce_time": b"2026-03-02T13:00:00+01:00"}
    read = Metadata.model_validate_json(from_record(b"{}", found.items()).metadata)
    assert read.recorded_at == NOON
    assert read.recorded_at.utcoffset() == timedelta(hours=1)


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_a_record_without_a_required_header_is_no_event(name: str) -> None:
    found = headers()
    del found[name]
    with pytest.raises(NotACloudEvent, match=name):
        from_record(b"{}", found.items())


def test_a_record_without_a_body_is_no_event() -> None:
    with pytest.raises(NotACloudEvent, match="the body"):
        from_record(None, headers().items())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_id", b"not-a-uuid"),
        ("ce_streamrevision", b"third"),
        ("ce_commitposition", b""),
        ("ce_actorkind", b"burglar"),
        ("ce_commandid", b"5"),
        ("ce_time", b"yesterday"),
        ("ce_subject", b"\xff\xfe"),
        ("ce_specversion", b"0.3"),
    ],
)
def test_a_record_with_an_unreadable_header_is_no_event(name: str, value: bytes) -> None:
    with pytest.raises(NotACloudEvent):
        from_record(b"{}", (headers() | {name: value}).items())


def test_headers_of_others_do_not_matter() -> None:
    strange: list[tuple[str, bytes | None]] = [("x-binary", b"\xff\x00"), ("x-null", None), ("ce_partitionkey", b"k")]
    assert from_record(stored().data, [*to_headers(stored(), "/pims-sync"), *strange]) == stored()


def test_a_required_header_with_a_null_value_is_missing() -> None:
    found: list[tuple[str, bytes | None]] = [(n, None if n == "ce_type" else v) for n, v in headers().items()]
    with pytest.raises(NotACloudEvent, match="ce_type"):
        from_record(b"{}", found)


def test_metadata_that_we_did_not_write_has_no_headers() -> None:
    with pytest.raises(ValueError, match="clinic_id"):
        to_headers(stored(metadata=b"{}"), "/pims-sync")


@pytest.mark.parametrize("name", ["ce_streamrevision", "ce_commitposition"])
@pytest.mark.parametrize("value", [b"-1", b"9223372036854775808", b"9" * 5000])
def test_a_number_that_no_store_gives_makes_it_no_event(name: str, value: bytes) -> None:
    """Neither the event store nor MongoDB could be asked with it."""
    event = StoredEvent(UUID(int=1), "a.B.v1", "a-elm.1", 0, 1, b"{}", SAMPLE.model_dump_json().encode())
    headers = [(n, value if n == name else v) for n, v in to_headers(event, "/a")]
    with pytest.raises(NotACloudEvent):
        from_record(b"{}", headers)


SAMPLE = Metadata(
    clinic_id="elm",
    actor=Actor(kind="system", id="test"),
    command_id=UUID(int=1),
    correlation_id="c",
    recorded_at=NOON,
)
