"""What is stored of an event, and what becomes of it when it is read (design 3.6, security C.8)."""

from dataclasses import replace
from uuid import UUID

import orjson
import pytest

from shared.chassis.codec import Codec, Draft, Undecodable
from shared.events.envelope import Actor, Metadata, Recorded, StoredEvent
from shared.events.pims_sync import ClientSynced, Contact, PatientSynced
from shared.testing.clocks import NOON
from shared.testing.memory import MemoryKeys

pytestmark = pytest.mark.anyio
ID = UUID(int=7)
STREAM = "client-elm.7"
CLIENT = ClientSynced(
    clinic_id="elm",
    client_id="7",
    vendor="avimark",
    first_name="Zoë",
    contacts=(Contact(kind="email", raw="z@example.org", normalised="z@example.org"),),
    fingerprint="f",
    observed_at=NOON,
)
PATIENT = PatientSynced(
    clinic_id="elm", patient_id="1", vendor="avimark", name="Rex", fingerprint="f", observed_at=NOON
)
METADATA = Metadata(
    clinic_id="elm",
    actor=Actor(kind="pims", id="p"),
    command_id=ID,
    correlation_id="c",
    recorded_at=NOON,
)


def stored(data: bytes, type_name: str, stream: str = STREAM) -> StoredEvent:
    return StoredEvent(ID, type_name, stream, 0, 10, data, METADATA.model_dump_json().encode())


async def encoded(keys: MemoryKeys, event: ClientSynced | PatientSynced = CLIENT) -> StoredEvent:
    [data] = await Codec(keys).encode([Draft(STREAM, ID, event)])
    return stored(data, event.type_name)


async def test_personal_fields_are_sealed_and_come_back() -> None:
    keys = MemoryKeys()
    event = await encoded(keys)
    assert "Zoë".encode() not in event.data
    assert b"example.org" not in event.data
    [read] = await Codec(keys).decode([event])
    assert isinstance(read, Recorded)
    assert read.event == CLIENT


async def test_after_erasure_the_fields_are_none_and_the_rest_is_there() -> None:
    keys = MemoryKeys()
    event = await encoded(keys)
    await keys.erase("client:elm.7")
    [read] = await Codec(keys).decode([event])
    assert isinstance(read, Recorded)
    assert read.event == CLIENT.model_copy(update={"first_name": None, "contacts": None})


async def test_an_erased_subject_never_gets_a_new_key() -> None:
    keys = MemoryKeys()
    await keys.erase("client:elm.7")
    event = await encoded(keys)
    assert orjson.loads(event.data)["first_name"] is None


async def test_a_sealed_value_moved_to_another_event_or_field_cannot_be_read() -> None:
    keys = MemoryKeys()
    event = await encoded(keys)
    data = orjson.loads(event.data)
    data["last_name"] = data["first_name"]
    [elsewhere, swapped] = await Codec(keys).decode(
        [replace(event, id=UUID(int=8)), replace(event, data=orjson.dumps(data))]
    )
    assert isinstance(elsewhere, Recorded)
    assert isinstance(swapped, Recorded)
    assert isinstance(elsewhere.event, ClientSynced)
    assert isinstance(swapped.event, ClientSynced)
    assert elsewhere.event.first_name is None
    assert swapped.event.last_name is None


async def test_an_old_version_is_read_as_the_newest() -> None:
    old = {
        "clinic_id": "elm",
        "patient_id": "1",
        "vendor": "avimark",
        "name": "Rex",
        "breed": "Beagle",
        "client_id": "7",
        "fingerprint": "f",
        "observed_at": NOON.isoformat(),
    }
    [read] = await Codec(MemoryKeys()).decode([stored(orjson.dumps(old), "pims-sync.PatientSynced.v1")])
    assert isinstance(read, Recorded)
    assert isinstance(read.event, PatientSynced)
    assert [breed.text for breed in read.event.breeds] == ["Beagle"]
    assert [owner.client_id for owner in read.event.owners] == ["7"]


async def test_an_unknown_type_is_none_and_a_field_from_the_future_is_ignored() -> None:
    [data] = await Codec(MemoryKeys()).encode([Draft(STREAM, ID, PATIENT)])
    newer = orjson.dumps({**orjson.loads(data), "invented_later": 1})
    read = await Codec(MemoryKeys()).decode(
        [stored(data, "pims-sync.Invented.v1"), stored(newer, PatientSynced.type_name)]
    )
    assert read[0] is None
    assert isinstance(read[1], Recorded)
    assert read[1].event == PATIENT


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"clinic_id": 1}', b"[" * 5000, b'{"observed_at": NaN}', b"null"]
)
async def test_content_that_breaks_its_promise_is_told_apart_and_raises_nothing(data: bytes) -> None:
    [read] = await Codec(MemoryKeys()).decode([stored(data, PatientSynced.type_name)])
    assert isinstance(read, Undecodable)


@pytest.mark.parametrize("mark", ["[]", "{}", "1", "null", '"client:elm.7"'])
@pytest.mark.parametrize("sealed", ["", ',"c":1', ',"c":"x"', ',"c":"AAAA"', ',"c":null'])
async def test_what_only_looks_sealed_raises_nothing(mark: str, sealed: str) -> None:
    """A record with such a field would otherwise end every worker that reads it, again and again."""
    keys = MemoryKeys()
    await keys.made(["client:elm.7"])
    data = f'{{"first_name":{{"$personal":{mark}{sealed}}}}}'.encode()
    [read] = await Codec(keys).decode([stored(data, ClientSynced.type_name)])
    assert isinstance(read, Undecodable)
