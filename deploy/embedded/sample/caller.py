"""HTTP as somebody in particular: a token of their own, a key for every wish, patience while things start."""

import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote_plus

import httpx2

T = TypeVar("T")
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.1
BUSY = frozenset({429, 502, 503, 504})


class SampleFailed(Exception):
    """Something was answered that the sample cannot go on with; the text says what."""


class Caller:
    """One person or machine at the gateway; `token` is theirs, None before they have one."""

    def __init__(self, http: httpx2.Client, gateway: str, token: str | None = None) -> None:
        self._http = http
        self._gateway = gateway
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **params: str) -> Any:
        """The answer's JSON."""
        return self.send("GET", path, params=params).json()

    def post(self, path: str, body: Any, key: str | None = None) -> Any:
        """The answer's JSON, None if it is empty; `key` names the wish, so that it happens once."""
        headers = {"Idempotency-Key": f'"{key}"'} if key else {}
        answer = self.send("POST", path, json=body, headers=headers)
        return answer.json() if answer.content else None

    def send(self, method: str, path: str, headers: dict[str, str] | None = None, **sent: Any) -> httpx2.Response:
        """Any answer below 400. Raises SampleFailed; a busy server is asked again, as long as patience lasts."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self.tried(method, path, headers, **sent)
            if answer is not None and answer.status_code < 400:
                return answer
            if time.monotonic() > until or (answer is not None and answer.status_code not in BUSY):
                raise SampleFailed(f"{method} {path}: {_said(answer)}")
            time.sleep(float(answer.headers.get("retry-after", "1")) if answer is not None else 1)

    def tried(
        self, method: str, path: str, headers: dict[str, str] | None = None, **sent: Any
    ) -> httpx2.Response | None:
        """Whatever is answered; None if nobody is there."""
        try:
            return self._http.request(
                method, self._gateway + path, headers={**self._headers, **(headers or {})}, **sent
            )
        except httpx2.TransportError:
            return None


def _said(answer: httpx2.Response | None) -> str:
    return "no answer" if answer is None else f"{answer.status_code} {answer.text[:300]}"


def machine(http: httpx2.Client, gateway: str, client_id: str, secret: str) -> Caller:
    """A caller with a token by client credentials."""
    form = {"grant_type": "client_credentials"}
    auth = (quote_plus(client_id), quote_plus(secret))
    answer = Caller(http, gateway).send("POST", "/api/portal/v1/oauth/token", data=form, auth=auth)
    return Caller(http, gateway, answer.json()["access_token"])


def person(http: httpx2.Client, gateway: str, email: str, password: str) -> Caller:
    """A caller who has logged in."""
    body = {"email": email, "password": password}
    return Caller(http, gateway, Caller(http, gateway).post("/api/portal/v1/login", body)["access_token"])


def wait_until(what: str, look: Callable[[], T | None]) -> T:
    """What `look` finds, once it does. Raises SampleFailed after a minute."""
    until = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) is None:
        if time.monotonic() > until:
            raise SampleFailed(f"waited {PATIENCE_SECONDS:.0f} s for {what}")
        time.sleep(PAUSE_SECONDS)
    return found
