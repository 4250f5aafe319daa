"""A stream and its view as of any moment, and what an erased person leaves of the past."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from pims_sync.domain.client import Erased, Synced, client
from pims_sync.main import build
from pims_sync.projections.client_record import client_records
from pims_sync.settings import PimsSyncSettings
from shared.chassis.codec import Codec
from shared.chassis.event_store import Append
from shared.chassis.time_travel import CannotFold, Moment, document_as_of, state_as_of
from shared.events.base import Event
from shared.events.envelope import Actor, Metadata, StoredEvent
from shared.events.pims_sync import ClientErased, ClientSynced
from shared.kernel.decider import Decider, Projection
from shared.testing.memory import NOON, MemoryEventStore, MemoryKeys, memory_state
from shared.testing.tokens import Mint

STREAM, KEY = "client-elm.7", "elm.7"


def synced(first_name: str, version: str) -> ClientSynced:
    return ClientSynced(
        clinic_id="elm", client_id="7", vendor="bridge", first_name=first_name, fingerprint=version, observed_at=NOON
    )


async def append(store: MemoryEventStore, revision: int, event: Event, minutes: int) -> None:
    metadata = Metadata(
        clinic_id="elm",
        actor=Actor(kind="system", id="test"),
        command_id=UUID(int=1),
        correlation_id="c",
        recorded_at=NOON + timedelta(minutes=minutes),
    )
    await store.append(Append(STREAM, revision - 1, [(UUID(int=revision), event)], metadata))


@pytest.fixture
def store() -> MemoryEventStore:
    """Ana at noon, Anna ten minutes later, erased after twenty (but her key is still there)."""
    made = MemoryEventStore()
    erased = ClientErased(clinic_id="elm", client_id="7", erased_at=NOON)
    for revision, event in enumerate((synced("Ana", "v1"), synced("Anna", "v2"), erased)):
        asyncio.run(append(made, revision, event, 10 * revision))
    return made


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("moment", "revision", "fingerprint"),
    [
        (Moment(revision=0), 0, "v1"),
        (Moment(revision=1), 1, "v2"),
        (Moment(position=10), 0, "v1"),
        (Moment(position=29), 1, "v2"),
        (Moment(time=NOON), 0, "v1"),
        (Moment(time=NOON + timedelta(minutes=9)), 0, "v1"),
        (Moment(time=(NOON + timedelta(minutes=10)).astimezone(timezone(timedelta(hours=-8)))), 1, "v2"),
    ],
)
async def test_a_state_is_the_fold_up_to_and_with_the_moment(
    store: MemoryEventStore, moment: Moment, revision: int, fingerprint: str
) -> None:
    found = await state_as_of(store, client, STREAM, moment)
    assert found is not None
    assert isinstance(found.value, Synced)
    assert (found.revision, found.value.fingerprint) == (revision, fingerprint)
    assert found.position == (await store.read(STREAM))[revision].position


@pytest.mark.anyio
async def test_without_a_moment_it_is_now(store: MemoryEventStore) -> None:
    found = await state_as_of(store, client, STREAM)
    assert found is not None
    assert (found.value, found.revision, found.recorded_at) == (Erased(), 2, NOON + timedelta(minutes=20))


@pytest.mark.anyio
@pytest.mark.parametrize("moment", [Moment(position=9), Moment(time=NOON - timedelta(seconds=1)), Moment(revision=-1)])
async def test_before_the_first_event_there_is_nothing(store: MemoryEventStore, moment: Moment) -> None:
    assert await state_as_of(store, client, STREAM, moment) is None
    assert await document_as_of(store, client_records, KEY, moment) is None


@pytest.mark.anyio
async def test_a_document_is_the_fold_of_the_live_view(store: MemoryEventStore) -> None:
    history: list[Any] = [recorded.event for recorded in await store.read(STREAM)]
    for revision in range(3):
        found = await document_as_of(store, client_records, KEY, Moment(revision=revision))
        expected = client_records.fold(history[: revision + 1])
        assert (found and found.value) == expected


@pytest.mark.anyio
async def test_an_erased_person_stays_erased_in_the_past() -> None:
    store = MemoryEventStore()
    await append(store, 0, synced("Ana", "v1"), 0)
    names = Projection("names", "client", (ClientSynced,), ClientSynced, lambda _view, event: event)
    before = await document_as_of(store, names, KEY)
    hidden = await document_as_of(store, names, KEY, codec=Codec(MemoryKeys()))
    await store.keys.erase("client:elm.7")
    after = await document_as_of(store, names, KEY, Moment(revision=0))
    assert [found and found.value.first_name for found in (before, hidden, after)] == ["Ana", None, None]


@pytest.mark.anyio
async def test_a_fold_that_fails_says_where_and_not_what(store: MemoryEventStore) -> None:
    def failing(_state: object, event: ClientSynced) -> object:
        raise ValueError(event.first_name)

    with pytest.raises(CannotFold) as told:
        await state_as_of(store, Decider("client", None, lambda _c, _s: (), failing), STREAM)
    assert str(told.value) == "pims-sync.ClientSynced.v1 client-elm.7@0: ValueError"


@pytest.mark.anyio
async def test_a_newer_versions_event_stops_a_state_and_is_passed_over_by_a_view(store: MemoryEventStore) -> None:
    last = store.log[-1]
    newer = StoredEvent(UUID(int=9), "pims-sync.ClientMoved.v1", STREAM, 3, 40, b"{}", last.metadata)
    store.log.append(newer)
    with pytest.raises(CannotFold, match="newer version"):
        await state_as_of(store, client, STREAM)
    after, known = [await document_as_of(store, client_records, KEY, at) for at in (Moment(), Moment(revision=2))]
    assert (after and after.value, after and after.revision) == (known and known.value, 3)


@pytest.mark.parametrize(
    "told", [{"revision": 1, "position": 1}, {"time": NOON, "revision": 0}, {"time": NOON.replace(tzinfo=None)}]
)
def test_a_moment_is_told_in_one_way_and_with_a_zone(told: dict[str, datetime]) -> None:
    with pytest.raises(ValueError, match=r"moment|zone"):
        Moment(**told)  # type: ignore[arg-type]  # what a caller may get wrong


MINT = Mint()


@pytest.fixture
def http(store: MemoryEventStore) -> TestClient:
    app = build(PimsSyncSettings(), MINT.verifier(), memory_state(store))
    return TestClient(app, base_url="http://testserver/api/pims-sync/v1/clinics/elm/as-of/")


def operator() -> dict[str, str]:
    return MINT.headers("operator", ("*",))


def test_an_operator_reads_a_document_as_of_a_revision(http: TestClient) -> None:
    answer = http.get("client_records/7?revision=0", headers=operator())
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert {name: body[name] for name in ("view", "key", "revision", "position")} == {
        "view": "client_records",
        "key": "elm.7",
        "revision": 0,
        "position": 10,
    }
    assert body["document"]["fingerprint"] == "v1"
    assert datetime.fromisoformat(body["recorded_at"]) == NOON.astimezone(UTC)
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_time_needs_its_zone_and_a_moment_one_way(http: TestClient) -> None:
    assert http.get("client_records/7?time=2026-03-02T09:30:00", headers=operator()).status_code == 422
    twice = http.get("client_records/7?revision=0&position=1", headers=operator())
    assert (twice.status_code, twice.json()["code"]) == (422, "two-moments")


@pytest.mark.parametrize("path", ["client_records/8", "client_records", "nothing/7", "client_records/7?position=1"])
def test_what_was_not_there_is_404(http: TestClient, path: str) -> None:
    assert http.get(path, headers=operator()).status_code == 404


@pytest.mark.parametrize("role", ["staff", "owner", "referring_vet", "specialist", "pims"])
def test_only_operators_travel(http: TestClient, role: str) -> None:
    assert http.get("client_records/7", headers=MINT.headers(role, ("elm",))).status_code == 403
