"""From an invitation to the owner's own pets, through the gateway only (R22, R33, R57, R64, security C.4)."""

import re
import threading
from collections.abc import Iterator
from http.cookies import SimpleCookie
from urllib.parse import parse_qs
from uuid import uuid4

import httpx2
import pytest

from shared.testing.caller import Caller, code_of
from shared.testing.gateway import Feed, Gateway, NewClinic, eventually_equal, gateway_of
from shared.testing.running import RunningSystem, wait_until

API = "/api/portal/v1"
COOKIE = "__Host-vetwire-refresh"
PASSWORD = "a long and winding road"
CLIENTS = "AccountId,LastName,FirstName,email\n100,0100,Client,client0100@example.org\n200,0200,Client,\n"
PATIENTS = "ClientAccountId,AccountId,Name,Species\n100,1,Zoë,CANINE\n100,2,Móži,FELINE\n200,3,Rex,CANINE\n"


@pytest.fixture
def gateway(system: RunningSystem) -> Iterator[Gateway]:
    with gateway_of(system) as found:
        yield found


@pytest.fixture
def clinic(gateway: Gateway) -> NewClinic:
    return gateway.new_clinic()


@pytest.fixture
def feed(clinic: NewClinic) -> Feed:
    return Feed(clinic.pims, clinic.clinic_id)


def invite(gateway: Gateway, clinic: NewClinic, client_id: str) -> str:
    """An owner with a password; their address."""
    email = f"client{uuid4().hex[:10]}@example.org"
    body = {"role": "owner", "email": email, "client_id": client_id}
    invited = clinic.operator.post(f"{API}/clinics/{clinic.clinic_id}/accounts", body)
    assert invited.status_code == 201, invited.text
    link = mailed_link(gateway, email)
    held = parse_qs(link.partition("#")[2])
    choice = {"account_id": held["account_id"][0], "token": held["token"][0], "password": PASSWORD}
    assert gateway.anonymous().post(f"{API}/activations", choice).status_code == 204
    assert code_of(gateway.anonymous().post(f"{API}/activations", choice)) == (400, "invitation-invalid")
    return email


def mailed_link(gateway: Gateway, email: str) -> str:
    mailbox = gateway.system.endpoints["mailbox"]["http"]
    found: list[str] = []

    def look() -> bool:
        mails = httpx2.get(f"{mailbox}/messages").json()
        found.extend(mail["id"] for mail in mails if email in mail["to"])
        return bool(found)

    wait_until(look, 30, "the invitation's mail")
    text = httpx2.get(f"{mailbox}/messages/{found[0]}").json()["text"]
    (link,) = re.findall(r"https?://\S+/activate#\S+", text)
    return str(link)


def logged_in(gateway: Gateway, email: str) -> tuple[Caller, str]:
    """The owner, and their refresh cookie as a browser would send it back."""
    answer = gateway.anonymous().post(f"{API}/login", {"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return Caller(gateway.http, "", {"Authorization": f"Bearer {answer.json()['access_token']}"}), cookie_of(answer)


def cookie_of(answer: httpx2.Response) -> str:
    return f"{COOKIE}={SimpleCookie(answer.headers['set-cookie'])[COOKIE].value}"


def test_r22_r33_r64_an_invited_owner_sees_their_own_pets(gateway: Gateway, clinic: NewClinic, feed: Feed) -> None:
    email = invite(gateway, clinic, "100")
    feed.push(client=CLIENTS, patient=PATIENTS)
    owner, _ = logged_in(gateway, email)
    base = f"{API}/clinics/{clinic.clinic_id}"
    eventually_equal(lambda: owner.get(f"{base}/home").json()["pet_count"], 2)
    assert [pet["name"] for pet in owner.get(f"{base}/pets").json()] == ["Zoë", "Móži"]
    assert owner.get(f"{base}/account").json()["last_name"] == "0100"
    assert code_of(owner.get(f"{base}/pets/3")) == code_of(owner.get(f"{base}/pets/none")) == (404, "not-found")
    assert code_of(owner.get(f"{API}/clinics/elm/home")) == (404, "not-found")


def test_a_change_in_the_pims_reaches_the_open_screen(gateway: Gateway, clinic: NewClinic, feed: Feed) -> None:
    email = invite(gateway, clinic, "100")
    feed.push(client=CLIENTS, patient=PATIENTS)
    owner, _ = logged_in(gateway, email)
    base = f"{API}/clinics/{clinic.clinic_id}"
    eventually_equal(lambda: owner.get(f"{base}/home").json()["pet_count"], 2)
    lines: list[str] = []
    opened = threading.Event()

    def watch() -> None:
        with httpx2.stream(
            "GET", f"{gateway.system.gateway}{base}/live", headers=dict(owner.headers), timeout=30
        ) as live:
            for line in live.iter_lines():
                lines.append(line)
                opened.set()
                if "Zora" in line:
                    return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    assert opened.wait(10)
    feed.push(client=CLIENTS, patient=PATIENTS.replace("Zoë", "Zora").replace("Rex", "Rexine"))
    watching.join(30)
    assert not watching.is_alive()
    assert not any("Rexine" in line for line in lines), "another owner's pet"


def test_c4_a_stolen_refresh_token_ends_the_session(gateway: Gateway, clinic: NewClinic) -> None:
    _, first = logged_in(gateway, invite(gateway, clinic, "100"))
    refresh = f"{gateway.system.gateway}{API}/token/refresh"
    second = httpx2.post(refresh, headers={"Cookie": first})
    assert second.status_code == 200
    assert code_of(httpx2.post(refresh, headers={"Cookie": first})) == (401, "session-ended")
    assert code_of(httpx2.post(refresh, headers={"Cookie": cookie_of(second)})) == (401, "session-ended")
