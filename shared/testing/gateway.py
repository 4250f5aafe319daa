"""The whole system as a client sees it: through the gateway only, with tokens that it issued itself."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2

from shared.testing.caller import Caller
from shared.testing.running import RunningSystem, wait_until

VISIBLE_WITHIN = 60.0


@dataclass(frozen=True)
class NewClinic:
    """A clinic that nobody else uses, its operator and its PIMS."""

    clinic_id: str
    operator: Caller
    pims: Caller


class Gateway:
    """Tokens are asked for anew by every method: a test that takes long does not run out of them."""

    def __init__(self, system: RunningSystem) -> None:
        self.system = system
        self.http = httpx2.Client(base_url=system.gateway, timeout=120)

    def anonymous(self, base: str = "") -> Caller:
        return Caller(self.http, base)

    def operator(self) -> Caller:
        known = self.system.endpoints["operator"]
        return self.machine(known["client_id"], known["client_secret"])

    def machine(self, client_id: str, client_secret: str) -> Caller:
        """By client credentials (RFC 6749 4.4)."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        return self._caller(self.http.post("/api/portal/v1/oauth/token", data=form))

    def person(self, clinic_id: str, role: str) -> Caller:
        """The first person of the sample clinic with that role."""
        login = self.login_of(clinic_id, role)
        body = {"email": login["email"], "password": login["password"]}
        return self._caller(self.http.post("/api/portal/v1/login", json=body))

    def login_of(self, clinic_id: str, role: str) -> Mapping[str, str]:
        clinic = next(c for c in self.system.endpoints["clinics"] if c["clinic_id"] == clinic_id)
        return next(login for login in clinic["logins"] if login["role"] == role)

    def _caller(self, answer: httpx2.Response) -> Caller:
        assert answer.status_code == 200, answer.text
        return Caller(self.http, "", {"Authorization": f"Bearer {answer.json()['access_token']}"})

    def new_clinic(self, vendor: str = "avimark") -> NewClinic:
        """Registered on the spot, with a PIMS client of its own."""
        clinic_id = f"t{uuid4().hex[:10]}"
        operator = self.operator()
        body = {
            "clinic_id": clinic_id,
            "name": "A clinic of the tests",
            "time_zone": "America/New_York",
            "vendor": vendor,
        }
        made = operator.post("/api/portal/v1/clinics", body)
        assert made.status_code == 201, made.text
        made = operator.post(f"/api/portal/v1/clinics/{clinic_id}/pims-clients", {"label": "tests"})
        assert made.status_code == 201, made.text
        credential = made.json()
        return NewClinic(clinic_id, operator, self.machine(credential["client_id"], credential["client_secret"]))

    def close(self) -> None:
        self.http.close()


@dataclass(frozen=True)
class Feed:
    """A clinic's PIMS that pushes runs."""

    pims: Caller
    clinic_id: str

    @property
    def runs(self) -> str:
        return f"/api/pims-sync/v1/clinics/{self.clinic_id}/runs"

    def start(self, mode: str = "full", vendor: str = "avimark") -> str:
        answer = self.pims.post(self.runs, {"mode": mode, "vendor": vendor})
        assert answer.status_code == 201, answer.text
        run_id: str = answer.json()["run_id"]
        return run_id

    def send(self, run_id: str, entity: str, content: Any, kind: str = "text/csv") -> httpx2.Response:
        """`content`: text, bytes, or an iterator of bytes that is streamed."""
        return self.pims.client.put(
            f"{self.runs}/{run_id}/files/{entity}",
            content=content,
            headers={**self.pims.headers, "content-type": kind},
        )

    def complete(self, run_id: str, **counts: int) -> httpx2.Response:
        return self.pims.post(f"{self.runs}/{run_id}/complete", {"declared_counts": counts})

    def push(self, **files: str) -> dict[str, dict[str, Any]]:
        """A whole full run: entity -> text of its CSV. What each file's answer said."""
        run_id = self.start()
        answers = {entity: self.send(run_id, entity, text) for entity, text in files.items()}
        for answer in answers.values():
            assert answer.status_code == 200, answer.text
        told = {entity: answer.json() for entity, answer in answers.items()}
        done = self.complete(run_id, **{entity: each["rows"] for entity, each in told.items()})
        assert done.status_code == 200, done.text
        return told


@contextmanager
def gateway_of(system: RunningSystem) -> Iterator[Gateway]:
    found = Gateway(system)
    yield found
    found.close()


def eventually_equal(ask: Any, wanted: Any, within: float = VISIBLE_WITHIN) -> None:
    """Ask until the answer is `wanted`. AssertionError with the last answer otherwise."""
    last: list[Any] = [None]

    def same() -> bool:
        last[0] = ask()
        return bool(last[0] == wanted)

    try:
        wait_until(same, within, "the wanted answer")
    except TimeoutError:
        assert last[0] == wanted
