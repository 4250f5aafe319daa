"""What a relay left on each partition, and how it notices that it is there no more (design 7, 8)."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import TopicPartition

from shared.chassis import kafka
from shared.chassis.tails import NotTheSameTopic, Tails
from shared.events.cloudevents import to_headers
from shared.events.envelope import StoredEvent
from shared.testing.event_store_contract import METADATA

pytestmark = pytest.mark.anyio
TOPIC = "toy.events"
STATE = {"tails": {"0": 40}, "ends": {"0": 7}}


def event(position: int) -> StoredEvent:
    metadata = METADATA.model_dump_json().encode()
    return StoredEvent(uuid4(), "toy.Counted.v1", "tally-elm.1", 0, position, b"{}", metadata)


def placed(position: int, offset: int, partition: int = 0) -> Any:
    return event(position), SimpleNamespace(topic=TOPIC, partition=partition, offset=offset)


def broker(monkeypatch: pytest.MonkeyPatch, newest: tuple[int, int] | None, end: int) -> None:
    """Partition 0 ends at `end`, with a record of that position and offset, or with none that is still there."""
    here = TopicPartition(TOPIC, 0)

    async def records_before(*_: object) -> dict[TopicPartition, Any]:
        if newest is None:
            return {}
        position, offset = newest
        return {here: SimpleNamespace(value=b"{}", headers=to_headers(event(position), "/toy"), offset=offset)}

    async def ends(*_: object) -> dict[TopicPartition, int]:
        return {here: end}

    monkeypatch.setattr(kafka, "records_before", records_before)
    monkeypatch.setattr(kafka, "ends", ends)


@pytest.mark.parametrize(
    ("newest", "end", "lost"),
    [
        ((40, 7), 8, []),
        ((50, 9), 10, []),
        ((30, 5), 6, [30]),
        ((50, 0), 1, [0]),
        (None, 0, [0]),
        (None, 8, []),
        (None, 7, [0]),
    ],
    ids=[
        "as left",
        "more",
        "tail lost",
        "made anew, written to",
        "empty",
        "retention took all",
        "lost, then retention",
    ],
)
async def test_what_was_lost_says_where_to_go_on(
    monkeypatch: pytest.MonkeyPatch, newest: tuple[int, int] | None, end: int, lost: list[int]
) -> None:
    broker(monkeypatch, newest, end)
    tails = Tails(STATE)
    assert await tails.lost("broker", TOPIC) == lost
    assert tails.document() == ({"tails": {}, "ends": {}} if lost else STATE)


async def test_a_state_without_offsets_goes_by_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a release before offsets were kept had stored it."""
    broker(monkeypatch, (40, 7), 8)
    assert await Tails({"tails": {"0": 40}}).lost("broker", TOPIC) == []
    broker(monkeypatch, None, 8)
    assert await Tails({"tails": {"0": 40}}).lost("broker", TOPIC) == [0]


def test_each_partition_keeps_the_newest() -> None:
    tails = Tails({})
    tails.put([placed(10, 0), placed(20, 0, 1), placed(30, 1)])
    assert tails.document() == {"tails": {"0": 30, "1": 20}, "ends": {"0": 1, "1": 0}}


@pytest.mark.parametrize("offset", [7, 0, -1])
def test_a_record_that_is_not_behind_ours_is_of_another_topic(offset: int) -> None:
    tails = Tails(STATE)
    with pytest.raises(NotTheSameTopic):
        tails.put([placed(50, offset)])
    assert tails.document() == STATE
