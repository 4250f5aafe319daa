"""The read side keeps to one clinic, also while it waits (design 15, 16)."""

import pytest
from pydantic import BaseModel

from shared.chassis import views
from shared.chassis.mongo import Database
from shared.chassis.problems import Problem
from shared.chassis.views import Seen, Views
from shared.kernel.decider import Projection

pytestmark = pytest.mark.anyio


class Card(BaseModel):
    total: int = 0


CARDS = Projection[int, Card]("cards", "tally", (), Card, lambda card, _event: card)


@pytest.fixture
async def read(database: Database, monkeypatch: pytest.MonkeyPatch) -> Views:
    monkeypatch.setattr(views, "PATIENCE_SECONDS", 0.1)
    await database["cards"].insert_one({"_id": "elm.1", "_clinic": "elm", "_rev": 3, "total": 1})
    return Views(database)


async def test_a_reader_waits_for_what_was_written(read: Views) -> None:
    assert await read.get(CARDS, "elm", "1", Seen("tally-elm.1", 3)) is not None
    with pytest.raises(Problem) as behind:
        await read.get(CARDS, "elm", "1", Seen("tally-elm.1", 4))
    assert behind.value.status == 503


@pytest.mark.parametrize("revision", [3, 4])
async def test_waiting_tells_nothing_of_another_clinics_streams(read: Views, revision: int) -> None:
    """An answer at once or a 503 would say whether the other clinic has that stream, and how long it is."""
    assert await read.get(CARDS, "oak", "1", Seen("tally-elm.1", revision)) is None
    assert await read.list(CARDS, "oak", after=Seen("tally-elm.1", revision)) == []
