"""The search for the newest event that passes a filter looks at each event once."""

from collections.abc import Sequence
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from deploy.embedded.eventstore.filters import Row, build_filter
from deploy.embedded.eventstore.history import History
from deploy.embedded.eventstore.reads import newest_page
from deploy.embedded.eventstore.requests import END, ReadPlan

types = st.lists(st.sampled_from(("wanted.A", "other.B")), max_size=300)


class Pages:
    """As much of `History` as a read of all events needs; `fetched` counts the rows."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.fetched = 0

    def add(self, *names: str) -> None:
        for name in names:
            self.rows.append((10 * len(self.rows) + 10, "s", len(self.rows), name, b"record"))

    def all_page(self, start: int, backwards: bool, limit: int, _named: bool) -> list[Row]:
        kept = [row for row in self.rows if (row[0] < start if backwards else row[0] >= start)]
        page = (kept[::-1] if backwards else kept)[:limit]
        self.fetched += len(page)
        return page


def plan(prefix: str) -> ReadPlan:
    build_filter.cache_clear()
    return ReadPlan(None, END, True, 1, False, False, build_filter(False, "", (prefix,)), 0)


def newest(pages: Pages, asked: ReadPlan) -> Row | None:
    found: list[Sequence[Row]] = list(newest_page(cast(History, pages), asked))
    return next((row for page in found for row in page), None)


@given(st.lists(types, min_size=1, max_size=5))
def test_it_is_the_newest_whatever_was_asked_before(additions: list[list[str]]) -> None:
    pages, asked = Pages(), plan("wanted.")
    for names in additions:
        pages.add(*names)
        wanted = [row for row in pages.rows if row[3] == "wanted.A"]
        assert newest(pages, asked) == (wanted[-1] if wanted else None)


def test_what_was_searched_is_not_searched_again() -> None:
    pages, asked = Pages(), plan("wanted.")
    pages.add("wanted.A", *["other.B"] * 5000)
    assert newest(pages, asked) == pages.rows[0]
    assert pages.fetched > 5000
    pages.fetched = 0
    pages.add(*["other.B"] * 10)
    assert newest(pages, asked) == pages.rows[0]
    assert pages.fetched < 100
