from base64 import b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import quote_plus

import pytest

from shared.events import portal as events

pytestmark = pytest.mark.anyio
TOKEN = "/api/portal/v1/oauth/token"
GRANT = {"grant_type": "client_credentials"}


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()}


async def machine(portal: Any, clinic_id: str = "elm") -> dict[str, str]:
    answer = await portal.post(f"/clinics/{clinic_id}/pims-clients", {"label": "bridge"}, portal.bearer())
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_pims_client_gets_a_secret_once_and_only_its_hash_is_kept(portal: Any) -> None:
    body = {"label": "nightly bridge"}
    first = await portal.post("/clinics/elm/pims-clients", body, portal.bearer(), key="k1")
    again = await portal.post("/clinics/elm/pims-clients", body, portal.bearer(), key="k1")
    secret = first.json()["client_secret"]
    assert len(secret) >= 43
    assert "client_secret" not in again.json()
    assert again.json()["client_id"] == first.json()["client_id"]
    (event,) = await portal.store.events(first.json()["stream"])
    assert isinstance(event, events.PimsClientRegistered)
    assert event.secret_hash == sha256(secret.encode()).hexdigest()
    assert secret.encode() not in b"".join(stored.data for stored in portal.store.log)


async def test_a_machine_gets_a_token_for_its_clinic(portal: Any) -> None:
    made = await machine(portal)
    credential = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    by_form = await portal.http.post(TOKEN, data=GRANT | credential)
    by_basic = await portal.http.post(
        TOKEN, data=GRANT, headers=basic(client_id=made["client_id"], secret=made["client_secret"])
    )
    for answer in (by_form, by_basic):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 600)
        who = await portal.app.state.verifier.verify(answer.json()["access_token"])
        assert (who.subject, who.role, who.clinics) == (made["client_id"], "pims", {"elm"})


async def test_the_first_operator_is_a_setting(portal: Any) -> None:
    answer = await portal.http.post(TOKEN, data=GRANT, headers=basic("first", "operator-secret"))
    who = await portal.app.state.verifier.verify(answer.json()["access_token"])
    assert (who.role, who.clinics) == ("operator", {"*"})
    assert (await portal.http.post(TOKEN, data=GRANT, headers=basic("first", "another"))).status_code == 401


async def test_a_revoked_machine_gets_no_token(portal: Any) -> None:
    made = await machine(portal)
    path = f"/clinics/elm/pims-clients/{made['client_id']}"
    assert (await portal.delete(path, portal.bearer())).status_code == 200
    answer = await portal.http.post(TOKEN, data=GRANT, headers=basic(made["client_id"], made["client_secret"]))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_bola_another_clinics_machine_cannot_be_revoked(portal: Any) -> None:
    made = await machine(portal)
    await portal.given_clinic("harbor", "Harbor")
    answer = await portal.delete(
        f"/clinics/harbor/pims-clients/{made['client_id']}", portal.bearer("staff", ("harbor",))
    )
    assert answer.status_code == 404
    assert (
        await portal.http.post(TOKEN, data=GRANT, headers=basic(made["client_id"], made["client_secret"]))
    ).is_success


@pytest.mark.parametrize(
    ("form", "headers", "status", "error"),
    [
        ({}, {}, 400, "invalid_request"),
        ({"client_id": "x", "client_secret": "y"}, {}, 400, "invalid_request"),
        (GRANT, {}, 401, "invalid_client"),
        (GRANT | {"client_id": "first"}, {}, 401, "invalid_client"),
        (GRANT | {"client_id": "pims_" + "0" * 32, "client_secret": "y"}, {}, 401, "invalid_client"),
        (GRANT | {"client_id": "clinic-elm", "client_secret": "y"}, {}, 401, "invalid_client"),
        (GRANT, {"Authorization": "Basic ???"}, 401, "invalid_client"),
        (GRANT, {"Authorization": "Bearer x"}, 401, "invalid_client"),
        (GRANT | {"client_secret": "y"}, basic("first", "operator-secret"), 400, "invalid_request"),
        ({"grant_type": "password"}, basic("first", "operator-secret"), 400, "unsupported_grant_type"),
    ],
)
async def test_rfc6749_5_2_errors(
    portal: Any, form: dict[str, str], headers: dict[str, str], status: int, error: str
) -> None:
    sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    answer = await portal.http.post(TOKEN, data=form, headers=sent)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"grant_type=client_credentials&grant_type=client_credentials", "application/x-www-form-urlencoded"),
        (b"grant_type=client_credentials", "text/plain"),
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 9000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(30)), "application/x-www-form-urlencoded"),
    ],
)
async def test_what_is_no_form_is_an_invalid_request(portal: Any, body: bytes, kind: str) -> None:
    answer = await portal.http.post(TOKEN, content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("role", ["owner", "pims", "referring_vet", "specialist"])
async def test_others_make_no_credentials(portal: Any, role: str) -> None:
    answer = await portal.post("/clinics/elm/pims-clients", {"label": "x"}, portal.bearer(role))
    assert answer.status_code == 403
