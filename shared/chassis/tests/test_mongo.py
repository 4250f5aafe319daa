"""What the chassis asks of MongoDB by itself."""

import pytest

from shared.chassis.mongo import IDS_AT_ONCE, Database, by_ids

pytestmark = pytest.mark.anyio


async def test_documents_are_found_by_more_ids_than_are_asked_for_at_once(database: Database) -> None:
    count = 2 * IDS_AT_ONCE + 50
    await database["some"].insert_many([{"_id": n, "square": n * n, "more": "x"} for n in range(count)])
    found = await by_ids(database["some"], [*range(0, count, 2), count + 1])
    assert sorted(row["_id"] for row in found) == list(range(0, count, 2))
    assert all(row["square"] == row["_id"] ** 2 and row["more"] == "x" for row in found)
    assert await by_ids(database["some"], range(3, 4), ["square"]) == [{"_id": 3, "square": 9}]
    assert await by_ids(database["some"], []) == []
