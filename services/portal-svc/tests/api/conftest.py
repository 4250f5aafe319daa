"""The API in memory: the real routes over a store in memory, signed by a real key."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from pydantic import SecretStr

from portal.api.throttle import MemoryThrottle
from portal.invitation_links import PURPOSE
from portal.main import REFUSALS, ROUTERS, own_verifier
from portal.settings import ACCESS_TOKEN_SECONDS, PortalSettings
from shared.chassis import tokens
from shared.chassis.api_app import create_api
from shared.chassis.clock import Clock, use_clock
from shared.chassis.tokens import TokenIssuer, derive_token
from shared.events.base import Event
from shared.events.portal import AccountInvited, ClinicRegistered, InvitationRenewed
from shared.testing.clocks import NOON
from shared.testing.memory import MemoryEventStore, MemoryKeys, memory_state

BASE = "/api/portal/v1"
PASSWORD = "a long and winding road"
EMAIL = "client0042@example.org"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same algorithm with parameters that suit a test; the real ones are tested with the chassis."""
    monkeypatch.setattr(tokens, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> PortalSettings:
    keys = tmp_path_factory.mktemp("signing")
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (keys / "0001.pem").write_bytes(pem)
    return PortalSettings(signing_keys_dir=keys, bootstrap_operator=SecretStr("first:operator-secret"))


@pytest.fixture(scope="session")
def app(settings: PortalSettings) -> FastAPI:
    """Built once, since that takes longer than most tests; what it remembers is new for each of them."""
    return create_api(settings, ROUTERS, refusals=REFUSALS)


@dataclass
class Moment:
    """A clock that tests move."""

    now: datetime = NOON

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def moment() -> Iterator[Moment]:
    moment = Moment()
    with use_clock(Clock(now=lambda: moment.now)):
        yield moment


@dataclass
class Portal:
    """The service as a caller meets it, and its store as a test looks into it."""

    app: FastAPI
    http: httpx2.AsyncClient
    store: MemoryEventStore
    issuer: TokenIssuer
    settings: PortalSettings
    moment: Moment

    def bearer(self, role: str = "staff", clinics: tuple[str, ...] = ("elm",), **claims: Any) -> dict[str, str]:
        subject = claims.pop("subject", f"{role}-1")
        return {"Authorization": f"Bearer {self.issuer.issue(subject, role, clinics, 'session-1', **claims)}"}

    def operator(self) -> dict[str, str]:
        return self.bearer("operator", ("*",))

    def owner(self, client_id: str = "42", clinic_id: str = "elm") -> dict[str, str]:
        return self.bearer("owner", (clinic_id,), client_ids={clinic_id: client_id})

    async def get(self, path: str, headers: dict[str, str] | None = None, **params: Any) -> httpx2.Response:
        return await self.http.get(BASE + path, headers=headers, params=params)

    async def post(
        self, path: str, body: Any = None, headers: dict[str, str] | None = None, key: str | None = None
    ) -> httpx2.Response:
        sent = {"Idempotency-Key": key or uuid4().hex, **(headers or {})}
        return await self.http.post(BASE + path, json=body, headers=sent)

    async def delete(self, path: str, headers: dict[str, str]) -> httpx2.Response:
        return await self.http.delete(BASE + path, headers=headers)

    async def given_clinic(self, clinic_id: str = "elm", name: str = "Elm Street") -> None:
        clinic = ClinicRegistered(
            clinic_id=clinic_id, name=name, time_zone="America/New_York", vendor="avimark", registered_at=NOON
        )
        await self.store.given(f"clinic-{clinic_id}", clinic)

    async def invited(self, email: str = EMAIL, client_id: str = "42", clinic_id: str = "elm") -> str:
        body = {"role": "owner", "email": email, "client_id": client_id}
        answer = await self.post(f"/clinics/{clinic_id}/accounts", body, self.bearer("staff", (clinic_id,)))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["account_id"])

    async def invitation_token(self, account_id: str) -> str:
        """The token of the newest mail."""
        events = await self.store.events(f"account-platform.{account_id}")
        mails = [event for event in events if isinstance(event, AccountInvited | InvitationRenewed)]
        return derive_token(self.settings.token_secret_bytes, PURPOSE, mails[-1].token_id, mails[-1].email or "")

    async def activated(self, email: str = EMAIL, client_id: str = "42") -> str:
        account_id = await self.invited(email, client_id)
        body = {"account_id": account_id, "token": await self.invitation_token(account_id), "password": PASSWORD}
        answer = await self.post("/activations", body)
        assert answer.status_code == 204, answer.text
        return account_id

    async def log_in(self, email: str = EMAIL, password: str = PASSWORD) -> httpx2.Response:
        return await self.post("/login", {"email": email, "password": password})

    async def new_events(self, since: int) -> list[Event]:
        return (await self.store.events())[since:]


@pytest.fixture
async def portal(settings: PortalSettings, app: FastAPI, moment: Moment) -> AsyncIterator[Portal]:
    issuer = TokenIssuer(settings.signing_keys, settings.issuer, settings.audience, ACCESS_TOKEN_SECONDS)
    keys = MemoryKeys()
    store = MemoryEventStore(keys)
    own = {"issuer": issuer, "throttle": MemoryThrottle(), "verifier": own_verifier(settings, issuer)}
    for name, value in (memory_state(store, keys, settings=settings, db=SimpleNamespace()) | own).items():
        setattr(app.state, name, value)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="https://portal.test") as http:
        made = Portal(app, http, store, issuer, settings, moment)
        await made.given_clinic()
        yield made
