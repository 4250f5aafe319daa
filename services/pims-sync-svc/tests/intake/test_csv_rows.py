"""Files that are broken in every way; numbers in names are of pims-formats section 7."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pims_sync.intake.csv_rows import MOST_LINES, csv_rows
from pims_sync.intake.lines import LONGEST_LINE
from pims_sync.intake.rows import FileRefused, Item, Row, Unreadable
from pims_sync.vendors.profile import Layout

pytestmark = pytest.mark.anyio
LAYOUT = Layout({"id": ("AccountId", "PatientAccounttId"), "name": ("Name",), "sex": ("GenderVal",)}, ("id", "name"))
HEADER = b"AccountId,Name\n"


async def items(content: bytes, chunk: int = 7, encoding: str | None = "cp1252") -> list[Item]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(content), chunk):
            yield content[start : start + chunk]

    return [item async for block in csv_rows(chunks(), LAYOUT, encoding) for item in block]


async def outline(content: bytes, chunk: int = 7) -> list[tuple[int, str]]:
    """Line and name of a row, line and code of what is none."""
    found = await items(content, chunk)
    return [(item.line, item.cells[1] if isinstance(item, Row) else item.code) for item in found]


async def refusal(content: bytes) -> str:
    with pytest.raises(FileRefused) as refused:
        await items(content)
    return refused.value.code


async def test_rows_have_line_numbers_that_count_the_header() -> None:
    assert await outline(HEADER + b"1,Rex\n2,Max\n") == [(2, "Rex"), (3, "Max")]


async def test_formats_7_2_a_byte_order_mark_and_either_line_end_are_no_matter() -> None:
    assert await outline(b"\xef\xbb\xbfAccountId,Name\r\n1,Rex\r\n2,Max") == [(2, "Rex"), (3, "Max")]


async def test_formats_7_3_quotes_commas_and_line_ends_within_a_cell() -> None:
    content = HEADER + b'1,"""Bo"" Bendy"\n2,"Retriever, Labrador"\n3,"two\nlines"\n4,Max\n'
    assert await outline(content) == [(2, '"Bo" Bendy'), (3, "Retriever, Labrador"), (4, "two\nlines"), (6, "Max")]


async def test_formats_7_3_blank_lines_are_no_rows() -> None:
    assert await outline(b"\n" * 9 + HEADER + b"\n1,Rex\n\r\n\n") == [(12, "Rex")]


async def test_formats_7_4_a_line_that_is_not_utf8_is_read_as_the_vendor_writes() -> None:
    content = HEADER + "1,Zoé\n".encode() + "2,Zoë\n".encode("cp1252") + "3,Léon\n".encode()
    assert await outline(content) == [(2, "Zoé"), (3, "Zoë"), (4, "Léon")]


async def test_formats_7_4_a_line_in_no_known_encoding_is_rejected_alone() -> None:
    found = await items(HEADER + b"1,Rex\n2,Zo\xeb\n3,Max\n", encoding=None)
    assert [item.code if isinstance(item, Unreadable) else item.cells[0] for item in found] == [
        "1",
        "unknown-encoding",
        "3",
    ]
    assert await outline(HEADER + b"1,Zo\x81\n") == [(2, "unknown-encoding")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (b"\n", "empty-file"),
        (b"\r\n" * 9, "empty-file"),
        (b"\xef\xbb\xbf", "empty-file"),
        (b"\x1f\x8b\x08\x00rest", "not-text"),
        (b"PK\x03\x04rest", "not-text"),
        ("AccountId,Name\n".encode("utf-16"), "not-text"),
        (b"1,Rex\n2,Max\n", "missing-columns"),
        (b"AccountId,Called\n1,Rex\n", "missing-columns"),
        (b"AccountId,Name,name\n1,Rex,Max\n", "duplicate-columns"),
        (b"AccountId,PatientAccounttId,Name\n1,1,Max\n", "duplicate-columns"),
        (b'"AccountId,Name\n1,Rex\n', "unreadable-header"),
        (b"x" * (LONGEST_LINE + 1), "unreadable-header"),
    ],
)
async def test_formats_7_6_7_7_what_is_no_such_file_is_refused_as_a_whole(content: bytes, code: str) -> None:
    assert await refusal(content) == code


async def test_formats_7_6_a_header_alone_is_a_file_without_rows() -> None:
    assert await items(HEADER) == await items(HEADER.strip()) == []


async def test_formats_7_6_columns_may_be_reordered_respelt_and_more() -> None:
    found = await items(b"Extra,name, PATIENTACCOUNTTID \nx,Rex,1\n")
    assert found == [Row(2, ("1", "Rex", ""))]


async def test_formats_7_6_a_header_in_the_middle_is_rejected() -> None:
    assert await outline(HEADER + b"1,Rex\n" + HEADER + b"2,Max\n") == [(2, "Rex"), (3, "repeated-header"), (4, "Max")]


async def test_formats_7_6_a_last_row_that_is_cut_is_rejected() -> None:
    assert await outline(HEADER + b"1,Rex\n2") == [(2, "Rex"), (3, "wrong-columns")]
    assert await outline(HEADER + b'1,Rex\n2,"Ma') == [(2, "Rex"), (3, "unclosed-quote")]


async def test_too_many_and_too_few_cells_are_rejected() -> None:
    assert await outline(HEADER + b"1\n2,Max,x\n3,Bo\n") == [(2, "wrong-columns"), (3, "wrong-columns"), (4, "Bo")]


async def test_an_unclosed_quote_costs_its_own_row_only() -> None:
    rest = b"".join(b"%d,Max\n" % n for n in range(3, MOST_LINES + 50))
    found = await outline(HEADER + b'2,"Rex\n' + rest, chunk=1000)
    assert found[0] == (2, "unclosed-quote")
    assert found[1:] == [(n, "Max") for n in range(3, MOST_LINES + 50)]


async def test_text_behind_a_closing_quote_is_malformed() -> None:
    assert await outline(HEADER + b'1,"Rex"y\n2,Max\n') == [(2, "malformed-csv"), (3, "Max")]


async def test_a_quote_within_a_plain_cell_is_a_character() -> None:
    assert await outline(HEADER + b'1,6" tall\n2,Max\n') == [(2, '6" tall'), (3, "Max")]


async def test_a_lone_carriage_return_is_malformed() -> None:
    assert await outline(HEADER + b"1,Re\rx\n2,Max\n") == [(2, "malformed-csv"), (3, "Max")]


async def test_a_row_that_is_too_long_is_rejected_without_being_held() -> None:
    content = HEADER + b"1,Rex\n2," + b"x" * (3 * LONGEST_LINE) + b"\n3,Max\n"
    for chunk in (1000, LONGEST_LINE, len(content)):
        assert await outline(content, chunk=chunk) == [(2, "Rex"), (3, "row-too-long"), (4, "Max")]


async def test_a_row_of_many_lines_that_is_too_long_is_rejected() -> None:
    line = b"x" * 1000 + b"\n"
    content = HEADER + b'1,"' + line * 80 + b'"\n2,Max\n'
    assert (2, "row-too-long") in await outline(content, chunk=len(content))
    assert (83, "Max") in await outline(content, chunk=len(content))


cells = st.text(st.characters(blacklist_characters="\r\0", blacklist_categories=["Cs"]), max_size=12)


@given(names=st.lists(cells, max_size=12), chunk=st.integers(1, 40))
async def test_what_a_csv_writer_writes_is_read_in_any_chunks(names: list[str], chunk: int) -> None:
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([("AccountId", "Name"), *((str(n), name) for n, name in enumerate(names))])
    found = await items(out.getvalue().encode(), chunk)
    assert [item.cells[1] for item in found if isinstance(item, Row)] == names


@given(content=st.binary(max_size=200), chunk=st.integers(1, 40))
async def test_any_bytes_give_the_same_items_in_any_chunks(content: bytes, chunk: int) -> None:
    assert await items(HEADER + content, chunk) == await items(HEADER + content, 1000)
