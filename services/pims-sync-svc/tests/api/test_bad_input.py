"""What is refused, and what is listed as rejected."""

from typing import Any

import pytest

from shared.events import pims_sync as events
from shared.testing.caller import code_of

HEADER = "ClientAccountId,AccountId,Name,Species,DOB\n"
HOSTILE = HEADER + (
    "7,1,Rex,CANINE,\n"
    "7,2,Ann Secret,CANINE,never\n"
    "7,1,Rex,CANINE,\n"
    "7,1,Dash,CANINE,\n"
    "7,,Nobody,CANINE,\n"
    "7,3,Max\n"
    "ClientAccountId,AccountId,Name,Species,DOB\n"
    f"7,4,{'x' * 201},CANINE,\n"
    f"7,5,{'x' * 70_000},CANINE,\n"
    '7,6,"=SUM(A1)",CANINE,\n'
)
EXPECTED = [
    (3, "DOB", "not-a-date"),
    (4, "AccountId", "duplicate-row"),
    (5, "AccountId", "duplicate-id"),
    (6, "AccountId", "missing-value"),
    (7, None, "wrong-columns"),
    (8, None, "repeated-header"),
    (9, "Name", "too-long"),
    (10, None, "row-too-long"),
]


def test_bad_rows_are_listed_with_line_field_and_reason_and_never_a_value(practice: Any) -> None:
    run = practice.start()
    answer = practice.send(run, "patient", HOSTILE)
    body = answer.json()
    assert (body["rows"], body["appended"], body["rejected"]) == (10, 2, 8)
    assert [(r["line"], r["field"], r["code"]) for r in body["first_rejects"]] == EXPECTED
    assert "Secret" not in answer.text
    shown = practice.pims.get(f"/runs/{run}/rejects")
    assert [(r["entity"], r["line"], r["field"], r["code"]) for r in shown.json()] == [
        ("patient", *expected) for expected in EXPECTED
    ]
    assert "Secret" not in shown.text


def test_formats_7_8_the_first_of_two_animals_under_one_number_wins(practice: Any) -> None:
    practice.send(practice.start(), "patient", HOSTILE)
    assert [event.name for event in practice.api.events("patient-elm.1")] == ["Rex"]


def test_a_row_that_is_mended_further_down_is_taken(practice: Any) -> None:
    rows = HEADER + "7,2,Ann,CANINE,never\n7,2,Ann,CANINE,2020-01-01\n"
    assert practice.send(practice.start(), "patient", rows).json()["appended"] == 1


def test_many_rejects_are_paged_in_order(practice: Any) -> None:
    run = practice.start()
    practice.send(run, "client", "AccountId,LastName\n,Hill\n")
    practice.send(run, "patient", HEADER + "7,,Rex,CANINE,\n" * 1234)
    found: list[tuple[str, int]] = []
    page = practice.pims.get(f"/runs/{run}/rejects", limit=180)
    while True:
        found += [(row["entity"], row["line"]) for row in page.json()]
        if "link" not in page.headers:
            break
        target = page.headers["link"].partition("<")[2].partition(">")[0]
        page = practice.api.client.get(f"http://testserver{target}", headers=practice.pims.headers)
    assert found == [("client", 2), *(("patient", line) for line in range(2, 1236))]
    batches = [event for event in practice.api.events() if isinstance(event, events.RowsRejected)]
    assert [len(batch.rejects) for batch in batches] == [1, 500, 500, 234]


def test_another_file_with_fewer_rejects_leaves_none_of_the_old_ones(practice: Any) -> None:
    run = practice.start()
    practice.send(run, "patient", HEADER + "7,,Rex,CANINE,\n" * 600)
    practice.send(run, "patient", HEADER + "7,,Rex,CANINE,\n\n7,1,Max\n")
    assert [row["line"] for row in practice.pims.get(f"/runs/{run}/rejects").json()] == [2, 4]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (b"AccountId,Name\n1,Rex\n", "missing-columns"),
        (b"\x1f\x8b\x08\x00", "not-text"),
        (HEADER.encode("utf-16"), "not-text"),
        (b'"AccountId\n', "unreadable-header"),
    ],
)
def test_formats_7_6_7_7_a_file_that_is_none_is_refused_and_nothing_is_written(
    practice: Any, content: bytes, code: str
) -> None:
    run = practice.start()
    before = practice.api.events()
    assert code_of(practice.send(run, "patient", content)) == (422, code)
    assert practice.api.events() == before


def test_the_columns_that_are_missing_are_named(practice: Any) -> None:
    answer = practice.send(practice.start(), "patient", "AccountId,Name\n1,Rex\n")
    assert answer.json()["columns"] == ["ClientAccountId", "Species"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "application/gzip"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_other_media_types_are_refused(practice: Any, headers: dict[str, str]) -> None:
    answer = practice.send(practice.start(), "patient", HEADER, **headers)
    assert code_of(answer) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"mode": "full", "vendor": "paper"}, "unknown-vendor"),
        ({"mode": "full", "vendor": "ezyvet"}, "vendor-has-other-format"),
        ({"mode": "nightly", "vendor": "avimark"}, "invalid-request"),
        ({"mode": "full", "vendor": "avimark", "more": 1}, "invalid-request"),
        ({"mode": "full"}, "invalid-request"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(practice: Any, body: dict[str, Any], code: str) -> None:
    assert code_of(practice.pims.post("/runs", body)) == (422, code)
    assert practice.api.events() == []


def test_a_run_that_never_was_is_not_found(practice: Any) -> None:
    practice.start()
    for run, expected in (("9" * 32, (404, "not-found")), ("r9", (422, "invalid-request"))):
        for answer in (
            practice.send(run, "client", "AccountId,LastName\n"),
            practice.complete(run),
            practice.pims.get(f"/runs/{run}"),
            practice.pims.get(f"/runs/{run}/rejects"),
        ):
            assert code_of(answer) == expected


def test_an_unknown_entity_or_count_is_refused(practice: Any) -> None:
    run = practice.start()
    assert code_of(practice.send(run, "invoice", HEADER)) == (422, "invalid-request")
    assert code_of(practice.complete(run, invoice=1)) == (422, "invalid-request")
    assert code_of(practice.complete(run, client=-1)) == (422, "invalid-request")


def test_only_a_pims_client_of_this_clinic_may_push(practice: Any) -> None:
    run = practice.start()
    body = {"mode": "full", "vendor": "avimark"}
    assert code_of(practice.api.caller().post("/runs", body)) == (403, "role-not-allowed")
    assert code_of(practice.api.caller("pims", "oak").get(f"/runs/{run}")) == (404, "not-found")
    foreign = practice.api.mint.headers("pims", ("oak",))
    assert code_of(practice.send(run, "client", HEADER, **foreign)) == (404, "not-found")
    assert code_of(practice.api.owner().get(f"/runs/{run}")) == (403, "role-not-allowed")
    assert practice.api.caller().get("/runs").json()[0]["run_id"] == run
