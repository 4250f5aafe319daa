"""What a vendor may send wrong, through the gateway: the right problem each time, and nothing half-written."""

import gzip
import time
from collections.abc import Iterator

import pytest

from shared.testing.caller import Caller, code_of
from shared.testing.gateway import Feed, Gateway, NewClinic, eventually_equal, gateway_of
from shared.testing.running import RunningSystem
from shared.testing.tokens import Mint

HEADER = "ClientAccountId,AccountId,Name,Species,Weight,DOB\n"


@pytest.fixture(scope="module")
def gateway(system: RunningSystem) -> Iterator[Gateway]:
    with gateway_of(system) as found:
        yield found


@pytest.fixture(scope="module")
def clinic(gateway: Gateway) -> NewClinic:
    return gateway.new_clinic()


@pytest.fixture
def feed(clinic: NewClinic) -> Feed:
    return Feed(clinic.pims, clinic.clinic_id)


def patients_of(clinic: NewClinic) -> int:
    answer = clinic.operator.get(f"/api/portal/v1/clinics/{clinic.clinic_id}/patients/count")
    count: int = answer.json()["count"]
    return count


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "text/csv", 422),
        (b"Name,Species\nRex,CANINE\n", "text/csv", 422),
        (b"AccountId,AccountId\n1,2\n", "text/csv", 422),
        (gzip.compress(HEADER.encode()), "text/csv", 422),
        (b"AccountId,Name\n", "application/zip", 415),
        (b"{}", "application/json", 415),
    ],
)
def test_a_file_that_is_no_feed_is_refused_whole(
    feed: Feed, clinic: NewClinic, content: bytes, kind: str, status: int
) -> None:
    run_id = feed.start()
    answer = feed.send(run_id, "patient", content, kind)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].startswith("https://")
    assert patients_of(clinic) == 0


def test_bad_rows_are_listed_with_line_field_and_reason_and_good_ones_taken(feed: Feed, clinic: NewClinic) -> None:
    rows = [
        "1,good1,Rex,CANINE,12,\n",
        "1,,No id,CANINE,12,\n",
        "1,bad-weight,Rex,CANINE,heavy,\n",
        "1,bad-date,Rex,CANINE,12,31/31/31\n",
        "1,too,many,columns,12,,and,more\n",
        f"1,huge,{'x' * 70_000},CANINE,12,\n",
        "1,good1,Somebody else,FELINE,12,\n",
        '1,good2,"Jo ""the"" dog",CANINE,12,\n',
    ]
    run_id = feed.start()
    told = feed.send(run_id, "patient", HEADER + "".join(rows)).json()
    assert (told["rows"], told["appended"], told["rejected"]) == (8, 2, 6)
    found = {reject["line"]: reject for reject in told["first_rejects"]}
    assert sorted(found) == [3, 4, 5, 6, 7, 8]
    assert all(reject["code"] and reject["reason"] for reject in found.values())
    assert (found[4]["field"], found[5]["field"]) == ("Weight", "DOB")
    assert "heavy" not in str(found), "what was sent is never echoed"
    listed = f"{feed.runs}/{run_id}/rejects?after={told['stream']}@{told['revision']}"
    eventually_equal(lambda: len(feed.pims.get(listed).json()), 6)
    eventually_equal(lambda: patients_of(clinic), 2)


def test_ndjson_with_a_broken_line_takes_the_others(feed: Feed, clinic: NewClinic) -> None:
    good = '{"ClientAccountId":"1","AccountId":"%s","Name":"A","Species":"CANINE"}'
    lines = "\n".join((good % "n1", '{"AccountId":', "[1]", '{"AccountId":{"a":1}}', good % "n2", ""))
    told = feed.send(feed.start(), "patient", lines, "application/x-ndjson").json()
    assert (told["rows"], told["appended"], told["rejected"]) == (5, 2, 3)


def test_a_connection_that_breaks_off_completes_nothing(feed: Feed) -> None:
    run_id = feed.start()

    def broken() -> Iterator[bytes]:
        yield HEADER.encode() + b"1,cut,Rex,CANINE,12,\n1,half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        feed.send(run_id, "patient", broken())
    refused = feed.complete(run_id, patient=2)
    assert code_of(refused)[0] == 409


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"mode": "full", "vendor": "nobody"}, (422, "unknown-vendor")),
        ({"mode": "sometimes", "vendor": "avimark"}, (422, "invalid-request")),
        ({"mode": "full", "vendor": "avimark", "admin": True}, (422, "invalid-request")),
        ([], (422, "invalid-request")),
    ],
)
def test_a_run_that_cannot_be_opened(feed: Feed, body: object, expected: tuple[int, str]) -> None:
    status, code = code_of(feed.pims.post(feed.runs, body))
    assert status == expected[0]
    assert code == expected[1]


def test_a_body_that_is_not_json_and_a_missing_key(feed: Feed) -> None:
    url, headers = feed.runs, {**feed.pims.headers, "content-type": "application/json"}
    answer = feed.pims.client.post(url, content=b"{", headers={**headers, "Idempotency-Key": "k1"})
    assert answer.status_code == 422
    answer = feed.pims.client.post(url, json={"mode": "full", "vendor": "avimark"}, headers=headers)
    assert code_of(answer) == (400, "idempotency-key-required")


def test_a_run_that_is_not_open_takes_no_file(feed: Feed) -> None:
    first = feed.start()
    feed.start()
    answer = feed.send(first, "patient", HEADER)
    assert answer.status_code == 409
    assert feed.send("0" * 32, "patient", HEADER).status_code in (404, 409)


def test_counts_that_do_not_match_leave_the_run_open(feed: Feed) -> None:
    run_id = feed.start()
    feed.send(run_id, "patient", HEADER + "1,c1,Rex,CANINE,12,\n")
    assert code_of(feed.complete(run_id, patient=7)) == (409, "counts-mismatch")
    assert feed.complete(run_id, patient=1).status_code == 200


def test_tokens_that_are_not_ours_or_no_more(gateway: Gateway, feed: Feed) -> None:
    foreign = Mint()
    expired = foreign.claims("pims", (feed.clinic_id,), exp=int(time.time()) - 600)
    for token in (foreign.token("pims", (feed.clinic_id,)), foreign.sign(expired), "x.y.z", "x"):
        caller = Caller(gateway.http, "", {"Authorization": f"Bearer {token}"})
        answer = caller.post(feed.runs, {"mode": "full", "vendor": "avimark"})
        assert answer.status_code == 401, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


def test_another_clinics_id_is_not_found_in_every_place(gateway: Gateway, feed: Feed, clinic: NewClinic) -> None:
    stranger = gateway.new_clinic().pims
    run_id = feed.start()
    other = Feed(stranger, clinic.clinic_id)
    assert other.send(run_id, "patient", HEADER).status_code == 404
    assert other.complete(run_id).status_code == 404
    for path in ("", f"/{run_id}", f"/{run_id}/rejects"):
        assert stranger.get(feed.runs + path).status_code == 404


def test_a_role_that_may_not_push(gateway: Gateway) -> None:
    staff = gateway.person("elm", "staff")
    answer = staff.post("/api/pims-sync/v1/clinics/elm/runs", {"mode": "full", "vendor": "avimark"})
    assert code_of(answer) == (403, "role-not-allowed")
