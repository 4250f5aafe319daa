from typing import Any

import pytest

from shared.events import portal as events
from shared.testing.clocks import NOON

pytestmark = pytest.mark.anyio
OWNER = {"role": "owner", "email": "client0042@example.org", "client_id": "42"}


def kinds(found: list[Any]) -> list[type]:
    return [type(event) for event in found]


async def test_r64_staff_invite_an_owner(portal: Any) -> None:
    before = len(portal.store.log)
    answer = await portal.post("/clinics/elm/accounts", OWNER, portal.bearer())
    assert answer.status_code == 201
    claimed, invited = await portal.new_events(before)
    assert isinstance(claimed, events.LoginClaimed)
    assert isinstance(invited, events.AccountInvited)
    assert answer.json() == {
        "account_id": invited.account_id,
        "stream": f"account-platform.{invited.account_id}",
        "revision": 0,
    }
    assert claimed.account_id == invited.account_id
    assert (invited.role, invited.clinic_id, invited.client_id) == ("owner", "elm", "42")
    assert invited.email == "client0042@example.org"


async def test_c4_neither_token_nor_address_is_stored_readable(portal: Any) -> None:
    account_id = await portal.activated()
    token = await portal.invitation_token(account_id)
    stored = b"".join(event.data + event.metadata + event.stream.encode() for event in portal.store.log)
    for secret in (token, "client0042", "argon2id", "a long and winding road"):
        assert secret.encode() not in stored


async def test_the_events_of_one_request_have_ids_of_their_own(portal: Any) -> None:
    await portal.invited()
    ids = [event.id for event in portal.store.log]
    assert len(set(ids)) == len(ids)


async def test_r63_the_username_is_a_valid_address_in_any_case(portal: Any) -> None:
    account_id = await portal.invited("Client0042@Example.ORG ")
    assert await portal.invited("client0042@example.org") == account_id


@pytest.mark.parametrize(
    "email",
    ["client0042", "a@b", "a b@example.org", "a@exa mple.org", "a@@example.org", "a@example..org", "a\r\n@b.org"],
)
async def test_r63_no_other_username_is_taken(portal: Any, email: str) -> None:
    answer = await portal.post("/clinics/elm/accounts", {**OWNER, "email": email}, portal.bearer())
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/email")
    assert email not in answer.text


async def test_one_login_many_clinics(portal: Any) -> None:
    await portal.given_clinic("harbor", "Harbor")
    account_id = await portal.activated()
    before = len(portal.store.log)
    assert await portal.invited(client_id="7", clinic_id="harbor") == account_id
    assert kinds(await portal.new_events(before)) == [events.ClinicAccessGranted]


async def test_inviting_again_renews_after_ten_minutes(portal: Any) -> None:
    account_id = await portal.invited()
    first = await portal.invitation_token(account_id)
    before = len(portal.store.log)
    await portal.invited()
    assert await portal.new_events(before) == []
    portal.moment.passes(minutes=10)
    await portal.invited()
    assert kinds(await portal.new_events(before)) == [events.InvitationRenewed]
    assert await portal.invitation_token(account_id) != first


@pytest.mark.parametrize(
    ("by", "body", "status", "code"),
    [
        ("staff", {"role": "staff", "email": "vet@example.org"}, 403, "may-not-invite-this-role"),
        ("staff", {"role": "operator", "email": "vet@example.org"}, 403, "may-not-invite-this-role"),
        ("operator", {"role": "operator", "email": "vet@example.org"}, 422, "role-not-for-this-clinic"),
        ("staff", {"role": "owner", "email": "vet@example.org"}, 422, "client-id-needed"),
        ("staff", {**OWNER, "role": "specialist"}, 422, "client-id-not-for-this-role"),
        ("staff", {**OWNER, "is_admin": True}, 422, "invalid-request"),
        ("owner", OWNER, 403, "role-not-allowed"),
        ("pims", OWNER, 403, "role-not-allowed"),
    ],
)
async def test_an_invitation_that_may_not_be_leaves_nothing(
    portal: Any, by: str, body: dict[str, Any], status: int, code: str
) -> None:
    before = len(portal.store.log)
    headers = portal.operator() if by == "operator" else portal.bearer(by)
    answer = await portal.post("/clinics/elm/accounts", body, headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(portal.store.log) == before


async def test_an_operator_invites_an_operator_to_the_platform(portal: Any) -> None:
    body = {"role": "operator", "email": "ops@example.org"}
    answer = await portal.post("/clinics/platform/accounts", body, portal.operator())
    assert answer.status_code == 201


async def test_nobody_is_invited_to_a_clinic_that_is_not_there(portal: Any) -> None:
    answer = await portal.post("/clinics/nowhere/accounts", OWNER, portal.operator())
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_staff_see_their_clinics_accounts_and_nothing_of_others(portal: Any) -> None:
    await portal.given_clinic("harbor", "Harbor")
    account_id = await portal.activated()
    await portal.invited(client_id="7", clinic_id="harbor")
    await portal.invited("client0008@example.org", "8", "harbor")
    answer = await portal.get("/clinics/elm/accounts", portal.bearer())
    line = {"account_id": account_id, "role": "owner", "status": "active", "client_id": "42"}
    assert answer.json() == [line | {"email": "client0042@example.org"}]


async def test_revoked_access_is_gone_from_that_clinic_alone(portal: Any) -> None:
    await portal.given_clinic("harbor", "Harbor")
    account_id = await portal.activated()
    await portal.invited(client_id="7", clinic_id="harbor")
    before = len(portal.store.log)
    path = f"/clinics/elm/accounts/{account_id}"
    answer = await portal.delete(path, portal.bearer())
    assert kinds(await portal.new_events(before)) == [events.ClinicAccessRevoked]
    seen = "{stream}@{revision}".format(**answer.json())
    assert answer.headers["etag"] == f'"{answer.json()["revision"]}"'
    assert (await portal.get(f"/clinics/elm/accounts?after={seen}", portal.bearer())).json() == []
    assert (await portal.delete(path, portal.bearer())).status_code == 404
    assert (await portal.log_in()).status_code == 200


async def test_access_that_was_granted_again_can_be_revoked_again(portal: Any) -> None:
    account_id, headers = await portal.activated(), portal.bearer()
    path = f"/clinics/elm/accounts/{account_id}"
    for _ in range(2):
        assert (await portal.delete(path, headers)).status_code == 200
        assert (await portal.log_in()).status_code == 401
        assert await portal.invited() == account_id
        assert (await portal.log_in()).status_code == 200


async def test_bola_another_clinics_account_cannot_be_revoked(portal: Any) -> None:
    await portal.given_clinic("harbor", "Harbor")
    account_id = await portal.activated()
    before = len(portal.store.log)
    path = f"/clinics/harbor/accounts/{account_id}"
    assert (await portal.delete(path, portal.bearer("staff", ("harbor",)))).status_code == 404
    assert len(portal.store.log) == before


async def test_an_operator_disables_an_account_everywhere(portal: Any) -> None:
    account_id = await portal.activated()
    answer = await portal.delete(f"/clinics/platform/accounts/{account_id}", portal.operator())
    assert answer.status_code == 200
    assert (await portal.log_in()).status_code == 401


async def test_an_erased_person_is_unreadable_and_the_address_is_free(portal: Any) -> None:
    account_id = await portal.activated()
    path = f"/clinics/elm/accounts/{account_id}/erase"
    assert (await portal.post(path, headers=portal.bearer())).status_code == 403
    assert (await portal.post(path, headers=portal.operator())).status_code == 200
    history = await portal.store.events(f"account-platform.{account_id}")
    assert kinds(history)[-1] is events.AccountErased
    assert [event.email for event in history if isinstance(event, events.AccountInvited)] == [None]
    assert [event.password_hash for event in history if isinstance(event, events.AccountActivated)] == [None]
    assert (await portal.log_in()).status_code == 401
    assert await portal.invited() != account_id


async def test_an_erasure_that_broke_off_is_completed_when_asked_again(portal: Any) -> None:
    account_id = await portal.activated()
    stream = f"account-platform.{account_id}"
    await portal.store.given(stream, events.AccountErased(account_id=account_id, erased_at=NOON))
    answer = await portal.post(f"/clinics/elm/accounts/{account_id}/erase", headers=portal.operator())
    assert answer.status_code == 200
    history = await portal.store.events(stream)
    assert [event.email for event in history if isinstance(event, events.AccountInvited)] == [None]
    assert await portal.invited() != account_id


async def test_staff_cannot_tell_an_erased_account_from_none(portal: Any) -> None:
    account_id = await portal.activated()
    await portal.post(f"/clinics/elm/accounts/{account_id}/erase", headers=portal.operator())
    assert (await portal.delete(f"/clinics/elm/accounts/{account_id}", portal.bearer())).status_code == 404
