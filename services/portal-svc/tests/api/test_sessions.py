from http.cookies import SimpleCookie
from typing import Any

import pytest

from portal.api.refresh_tokens import COOKIE
from shared.chassis import tokens
from shared.events import portal as events

pytestmark = pytest.mark.anyio


def cookie_of(answer: Any) -> str:
    cookie: SimpleCookie = SimpleCookie(answer.headers["set-cookie"])
    return cookie[COOKIE].value


async def refreshed(portal: Any, cookie: str, **headers: str) -> Any:
    portal.http.cookies.clear()
    return await portal.post("/token/refresh", headers={"Cookie": f"{COOKIE}={cookie}", **headers})


async def test_r22_an_owner_logs_in(portal: Any) -> None:
    account_id = await portal.activated()
    answer = await portal.log_in("Client0042@example.org")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 600)
    who = await portal.app.state.verifier.verify(body["access_token"])
    assert (who.subject, who.role, who.clinics) == (account_id, "owner", {"elm"})
    assert who.client_ids == {"elm": "42"}
    started = (await portal.store.events())[-1]
    assert isinstance(started, events.SessionStarted)
    assert started.session_id == who.session_id


async def test_asvs_3_3_the_refresh_token_is_in_a_cookie_that_no_script_reads(portal: Any) -> None:
    await portal.activated()
    answer = await portal.log_in()
    parts = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "secure", "samesite=strict", "path=/"} <= parts
    assert not any(part.startswith("domain") for part in parts)
    assert answer.headers["cache-control"] == "no-store"
    assert cookie_of(answer) not in answer.text


async def test_unknown_wrong_invited_and_no_address_get_the_same_answer(portal: Any) -> None:
    await portal.activated()
    await portal.invited("client0043@example.org", "43")
    answers = [
        await portal.log_in(password="not the right one"),
        await portal.log_in("nobody@example.org"),
        await portal.log_in("client0043@example.org"),
        await portal.log_in("no address"),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["code"] == "login-refused"


async def test_c4_an_unknown_address_costs_a_hash_too(portal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str | None] = []

    def fits(_password: str, stored: str | None) -> bool:
        checked.append(stored)
        return False

    monkeypatch.setattr(tokens, "_fits", fits)
    await portal.log_in("nobody@example.org")
    assert checked == [None]


async def test_api2_guessing_gets_slower_for_known_and_unknown_alike(portal: Any) -> None:
    await portal.activated()
    for email in ("client0042@example.org", "nobody@example.org"):
        statuses = [(await portal.log_in(email, "wrong password")).status_code for _ in range(6)]
        assert statuses == [401] * 6
        waiting = await portal.log_in(email)
        assert (waiting.status_code, waiting.headers["retry-after"]) == (429, "1")
    portal.moment.passes(seconds=1)
    assert (await portal.log_in()).status_code == 200
    assert [(await portal.log_in(password="wrong password")).status_code for _ in range(2)] == [401, 401]


async def test_api2_one_address_cannot_try_everybodys_door(portal: Any) -> None:
    names = [f"somebody{number}@example.org" for number in range(52)]
    portal.http.headers["X-Forwarded-For"] = "1.1.1.1, 192.0.2.9"
    for name in names[:51]:
        assert (await portal.log_in(name)).status_code == 401
    assert (await portal.log_in(names[51])).status_code == 429
    portal.http.headers["X-Envoy-External-Address"] = "192.0.2.10"
    assert (await portal.log_in(names[51])).status_code == 401


async def test_a_refresh_token_is_replaced_each_time(portal: Any) -> None:
    await portal.activated()
    first = cookie_of(await portal.log_in())
    portal.moment.passes(minutes=9)
    answer = await refreshed(portal, first)
    second = cookie_of(answer)
    assert answer.status_code == 200
    assert second != first
    assert (await refreshed(portal, second)).status_code == 200


async def test_reuse_of_a_refresh_token_ends_the_whole_family(portal: Any) -> None:
    await portal.activated()
    first = cookie_of(await portal.log_in())
    second = cookie_of(await refreshed(portal, first))
    reuse = await refreshed(portal, first)
    assert (reuse.status_code, reuse.json()["code"]) == (401, "session-ended")
    assert (await refreshed(portal, second)).status_code == 401
    ended = [event for event in await portal.store.events() if isinstance(event, events.SessionEnded)]
    assert [event.reason for event in ended] == ["reused"]


@pytest.mark.parametrize(
    "change",
    [
        lambda sid, number, mac: f"{sid}.{int(number) + 1}.{mac}",
        lambda sid, number, mac: f"{'0' * 32}.{number}.{mac}",
        lambda sid, number, mac: f"{sid}.{number}.{mac[::-1]}",
        lambda sid, number, mac: f"{sid}.{number}",
        lambda sid, number, mac: "",
    ],
)
async def test_a_made_up_refresh_token_ends_nothing(portal: Any, change: Any) -> None:
    await portal.activated()
    good = cookie_of(await portal.log_in())
    assert (await refreshed(portal, change(*good.split(".")))).status_code == 401
    assert (await refreshed(portal, good)).status_code == 200


async def test_an_idle_session_is_over(portal: Any) -> None:
    await portal.activated()
    cookie = cookie_of(await portal.log_in())
    portal.moment.passes(days=7)
    assert (await refreshed(portal, cookie)).status_code == 401


async def test_asvs_7_4_1_logout_ends_the_session(portal: Any) -> None:
    await portal.activated()
    cookie = cookie_of(await portal.log_in())
    answer = await portal.post("/logout")
    assert answer.status_code == 204
    assert cookie_of(answer) == ""
    assert (await refreshed(portal, cookie)).status_code == 401


async def test_logging_out_without_a_session_is_no_fault(portal: Any) -> None:
    assert (await portal.post("/logout")).status_code == 204


@pytest.mark.parametrize("how", ["revoke", "disable"])
async def test_asvs_7_4_2_a_closed_account_cannot_go_on(portal: Any, how: str) -> None:
    account_id = await portal.activated()
    cookie = cookie_of(await portal.log_in())
    clinic, headers = ("elm", portal.bearer()) if how == "revoke" else ("platform", portal.operator())
    assert (await portal.delete(f"/clinics/{clinic}/accounts/{account_id}", headers)).status_code == 200
    assert (await refreshed(portal, cookie)).status_code == 401
    assert (await portal.log_in()).status_code == 401


async def test_a_second_clinic_is_in_the_next_token(portal: Any) -> None:
    await portal.given_clinic("harbor", "Harbor")
    await portal.activated()
    cookie = cookie_of(await portal.log_in())
    await portal.invited(client_id="7", clinic_id="harbor")
    who = await portal.app.state.verifier.verify((await refreshed(portal, cookie)).json()["access_token"])
    assert (who.clinics, who.client_ids) == ({"elm", "harbor"}, {"elm": "42", "harbor": "7"})


@pytest.mark.parametrize("path", ["/token/refresh", "/logout"])
async def test_asvs_3_5_another_site_cannot_use_the_cookie(portal: Any, path: str) -> None:
    await portal.activated()
    await portal.log_in()
    answer = await portal.post(path, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.json()["code"]) == (403, "cross-site")
    assert (await portal.post("/token/refresh")).status_code == 200
