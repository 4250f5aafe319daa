from collections.abc import AsyncIterator

import pytest

from pims_sync.intake.lines import LONGEST_LINE
from pims_sync.intake.ndjson_rows import ndjson_rows
from pims_sync.intake.rows import FileRefused, Item, Row
from pims_sync.vendors.profile import Layout

pytestmark = pytest.mark.anyio
LAYOUT = Layout({"id": ("AccountId",), "name": ("Name",), "sex": ("GenderVal",)}, ("id", "name"))
FIRST = b'{"AccountId": "1", "Name": "Rex"}\n'


async def items(content: bytes) -> list[Item]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 11):
            yield content[start : start + 11]

    return [item async for block in ndjson_rows(chunks(), LAYOUT) for item in block]


async def test_objects_become_the_same_rows_as_csv() -> None:
    assert await items(FIRST + b'\n{"name": null, "ACCOUNTID": 7, "GenderVal": true}') == [
        Row(1, ("1", "Rex", "")),
        Row(3, ("7", "", "true")),
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", "malformed-json"),
        (b"[1]", "malformed-json"),
        (b'{"AccountId": "\xff"}', "malformed-json"),
        (b'{"AccountId": "\\ud800"}', "malformed-json"),
        (b'{"AccountId": ["1"], "Name": "x"}', "wrong-type"),
        (b'{"AccountId": "' + b"1" * LONGEST_LINE + b'"}', "row-too-long"),
    ],
)
async def test_a_line_that_is_no_object_is_rejected_alone(line: bytes, code: str) -> None:
    found = await items(FIRST + line + b"\n" + FIRST)
    assert [(item.line, isinstance(item, Row) or item.code) for item in found] == [(1, True), (2, code), (3, True)]


@pytest.mark.parametrize("content", [b'{"AccountId": "1"}\n', b"1,Rex\n", b"\x1f\x8b\x08\x00", b""])
async def test_a_file_of_something_else_is_refused(content: bytes) -> None:
    with pytest.raises(FileRefused):
        await items(content)
