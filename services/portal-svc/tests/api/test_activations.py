from typing import Any

import pytest

from shared.events import portal as events

pytestmark = pytest.mark.anyio
PASSWORD = "a long and winding road"


async def body_for(portal: Any, account: str, **changes: str) -> dict[str, str]:
    token = await portal.invitation_token(account)
    return {"account_id": account, "token": token, "password": PASSWORD} | changes


async def test_r64_the_link_in_the_mail_makes_a_password(portal: Any) -> None:
    account_id = await portal.invited()
    before = len(portal.store.log)
    answer = await portal.post("/activations", await body_for(portal, account_id))
    assert (answer.status_code, answer.content) == (204, b"")
    (activated,) = await portal.new_events(before)
    assert isinstance(activated, events.AccountActivated)
    assert (activated.password_hash or "").startswith("$argon2id$")


async def test_asvs_6_5_1_a_link_works_once(portal: Any) -> None:
    account_id = await portal.invited()
    body = await body_for(portal, account_id)
    assert (await portal.post("/activations", body)).status_code == 204
    again = await portal.post("/activations", {**body, "password": "another winding road"})
    assert (again.status_code, again.json()["code"]) == (400, "invitation-invalid")
    assert (await portal.log_in(password=PASSWORD)).status_code == 200


async def test_asvs_6_5_5_a_link_works_for_72_hours(portal: Any) -> None:
    account_id = await portal.invited()
    body = await body_for(portal, account_id)
    portal.moment.passes(hours=72)
    assert (await portal.post("/activations", body)).json()["code"] == "invitation-invalid"
    portal.moment.passes(seconds=-1)
    assert (await portal.post("/activations", body)).status_code == 204


async def test_nobody_elses_link_and_no_made_up_one_works(portal: Any) -> None:
    account_id, other = await portal.invited(), await portal.invited("client0043@example.org", "43")
    before = len(portal.store.log)
    foreign = await portal.invitation_token(other)
    for changes in ({"token": foreign}, {"token": "x" * 43}, {"token": "ü"}, {"account_id": "0" * 32}):
        answer = await portal.post("/activations", await body_for(portal, account_id, **changes))
        assert (answer.status_code, answer.json()["code"]) == (400, "invitation-invalid")
    assert len(portal.store.log) == before


async def test_a_get_uses_nothing_up(portal: Any) -> None:
    account_id = await portal.invited()
    answer = await portal.get("/activations", account_id=account_id)
    assert answer.status_code == 405
    assert (await portal.post("/activations", await body_for(portal, account_id))).status_code == 204


@pytest.mark.parametrize(
    ("password", "code"),
    [("k3#pQz!", "password-too-short"), ("password123", "password-too-common"), ("x1y2" * 33, "password-too-long")],
)
async def test_asvs_6_2_a_bad_password_leaves_the_link_as_it_was(portal: Any, password: str, code: str) -> None:
    account_id = await portal.invited()
    answer = await portal.post("/activations", await body_for(portal, account_id, password=password))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert password not in answer.text
    assert (await portal.post("/activations", await body_for(portal, account_id))).status_code == 204


async def test_asvs_7_4_3_a_changed_password_ends_every_session(portal: Any) -> None:
    await portal.activated()
    token = (await portal.log_in()).json()["access_token"]
    portal.moment.passes(minutes=1)
    body = {"current_password": PASSWORD, "new_password": "quite another road"}
    answer = await portal.post("/password", body, {"Authorization": f"Bearer {token}"})
    assert answer.status_code == 204
    assert (await portal.post("/token/refresh")).status_code == 401
    assert (await portal.log_in()).status_code == 401
    assert (await portal.log_in(password="quite another road")).status_code == 200


async def test_the_present_password_is_needed_and_cannot_be_guessed_here(portal: Any) -> None:
    await portal.activated()
    bearer = {"Authorization": f"Bearer {(await portal.log_in()).json()['access_token']}"}
    body = {"current_password": "not the present one", "new_password": "quite another road"}
    answers = [(await portal.post("/password", body, bearer)).status_code for _ in range(7)]
    assert answers == [401, 401, 401, 401, 401, 401, 429]


async def test_a_machine_has_no_password(portal: Any) -> None:
    body = {"current_password": PASSWORD, "new_password": "quite another road"}
    assert (await portal.post("/password", body, portal.bearer("pims"))).status_code == 403
