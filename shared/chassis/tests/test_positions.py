"""Where a worker starts to read: its own word, checked against the topic (design 12)."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from aiokafka import TopicPartition

from shared.chassis import kafka
from shared.chassis.clock import Clock, use_clock
from shared.chassis.mongo import Database
from shared.chassis.positions import Positions
from shared.events.cloudevents import to_headers
from shared.events.envelope import StoredEvent
from shared.testing.clocks import NOON
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


THERE, ELSEWHERE = TopicPartition("toy.events", 1), TopicPartition("toy.events", 2)


async def test_what_was_read_is_kept_by_partition_and_told_of_those_asked_for(database: Database) -> None:
    positions = Positions(database)
    with use_clock(Clock(now=lambda: NOON)):
        await positions.save({HERE: (4, EVENT), THERE: (0, None)})
        await positions.save({HERE: (5, EVENT)})
    here = {"_id": "toy.events/0", "next": 6, "event_id": str(EVENT.id), "position": 10, "at": NOON}
    there = {"_id": "toy.events/1", "next": 1, "event_id": "", "position": None, "at": NOON}
    assert await positions.load([HERE, THERE, ELSEWHERE]) == {HERE: here, THERE: there}
    assert await positions.load([THERE]) == {THERE: there}
    assert await database["positions"].count_documents({}) == 2


async def test_only_partitions_with_a_position_are_looked_at(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    async def records_before(*arguments: object) -> dict[TopicPartition, Any]:
        asked.append(arguments)
        return {HERE: SimpleNamespace(value=b"{}", headers=to_headers(EVENT, "/toy"))}

    monkeypatch.setattr(kafka, "records_before", records_before)
    positions = Positions(database)
    assert await positions.starting_points("broker:1", [HERE, THERE]) == {HERE: 0, THERE: 0}
    await positions.save({HERE: (4, EVENT)})
    assert await positions.starting_points("broker:1", [HERE, THERE]) == {HERE: 5, THERE: 0}
    assert asked == [("broker:1", {"toy.events"}, {HERE: 5})]


async def test_a_partition_whose_beginning_is_gone_goes_on_at_the_new_one_and_its_position_never_back(
    database: Database,
) -> None:
    positions = Positions(database)
    await positions.save({HERE: (4, EVENT)})
    with use_clock(Clock(now=lambda: NOON)):
        await positions.move({}, 99)
        await positions.move({HERE: 8, THERE: 3}, 7)
        assert await positions.load([HERE, THERE]) == {
            HERE: {"_id": "toy.events/0", "next": 8, "event_id": str(EVENT.id), "position": 10, "at": NOON},
            THERE: {"_id": "toy.events/1", "next": 3, "event_id": "", "position": 7, "at": NOON},
        }
        await positions.move({HERE: 9}, 30)
    assert (await positions.load([HERE]))[HERE]["position"] == 30


async def test_a_position_never_goes_back_unless_the_topic_is_begun_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that lost its partition saves the window that was under way after its successor's."""
    positions = Positions(database)
    await positions.save({HERE: (9, None)})
    await positions.save({HERE: (4, None)})
    assert (await positions.load([HERE]))[HERE]["next"] == 10
    await positions.save({HERE: (9, None)})
    await positions.save({HERE: (10, None)})
    assert (await positions.load([HERE]))[HERE]["next"] == 11

    async def nothing(*_: object) -> dict[TopicPartition, Any]:
        return {}

    monkeypatch.setattr(kafka, "records_before", nothing)
    assert await positions.starting_points("", [HERE]) == {HERE: 0}
    await positions.save({HERE: (2, None)})
    assert (await positions.load([HERE]))[HERE]["next"] == 3
