"""Where a worker starts to read: its own word, checked against the topic (design 12)."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from aiokafka import TopicPartition

from shared.chassis import kafka
from shared.chassis.mongo import Database
from shared.chassis.positions import Positions
from shared.events.cloudevents import to_headers
from shared.events.envelope import StoredEvent
from shared.testing.event_store_contract import METADATA

pytestmark = pytest.mark.anyio
HERE = TopicPartition("toy.events", 0)
EVENT = StoredEvent(UUID(int=7), "toy.Counted.v1", "tally-elm.1", 0, 10, b"{}", METADATA.model_dump_json().encode())
Headers = Sequence[tuple[str, bytes | None]]


async def start(db: Database, monkeypatch: pytest.MonkeyPatch, event: StoredEvent | None, found: Headers | None) -> int:
    """After record 4, which held `event`; now the topic has there a record with the headers `found`."""

    async def records_before(*_: object) -> dict[TopicPartition, Any]:
        return {} if found is None else {HERE: SimpleNamespace(value=b"{}", headers=found)}

    monkeypatch.setattr(kafka, "records_before", records_before)
    positions = Positions(db)
    await positions.save({HERE: (4, event)})
    return (await positions.starting_points("nowhere", {HERE}))[HERE]


async def test_it_goes_on_where_it_was(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await start(database, monkeypatch, EVENT, to_headers(EVENT, "/toy")) == 5


@pytest.mark.parametrize("found", [None, [], [("ce_id", b"other")]])
async def test_a_topic_with_other_records_is_read_from_its_start(
    database: Database, monkeypatch: pytest.MonkeyPatch, found: Headers | None
) -> None:
    assert await start(database, monkeypatch, EVENT, found) == 0


@pytest.mark.parametrize("found", [[], [("ce_id", b"\xff")], [("ce_id", None)], [("ce_id", str(EVENT.id).encode())]])
async def test_a_record_that_was_no_event_is_known_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, found: Headers
) -> None:
    """Whatever its headers hold: a worker that cannot look at it would not start any more."""
    assert await start(database, monkeypatch, None, found) == 5
