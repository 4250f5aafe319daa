"""Somebody who calls an API: the same in memory (FastAPI's TestClient) and through the gateway."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import httpx2


@dataclass(frozen=True)
class Caller:
    """`base` precedes every path; every POST is a wish of its own unless it is given a `key`."""

    client: httpx2.Client
    base: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, **headers: str) -> "Caller":
        """The same caller, who says more."""
        return replace(self, headers={**self.headers, **headers})

    def get(self, path: str, **query: Any) -> httpx2.Response:
        return self.client.get(self.base + path, params=query, headers=self.headers)

    def read(self, path: str, after: httpx2.Response, within: float = 60.0, **query: Any) -> httpx2.Response:
        """A GET that shows the effect of the command that answered `after`; repeated while that is too early."""
        assert after.is_success, after.text
        seen = f"{after.json()['stream']}@{after.json()['revision']}"
        end = time.monotonic() + within
        while True:
            answer = self.get(path, after=seen, **query)
            if answer.status_code != 503 or time.monotonic() > end:
                return answer
            time.sleep(float(answer.headers.get("Retry-After", 1)))

    def post(
        self, path: str, body: Any = None, *, key: str | None = None, if_match: int | None = None
    ) -> httpx2.Response:
        headers = {**self.headers, "Idempotency-Key": key or uuid4().hex, **_tag(if_match)}
        return self.client.post(self.base + path, json=body, headers=headers)

    def put(self, path: str, body: Any, *, if_match: int | None = None) -> httpx2.Response:
        return self.client.put(self.base + path, json=body, headers={**self.headers, **_tag(if_match)})


def _tag(revision: int | None) -> dict[str, str]:
    return {} if revision is None else {"If-Match": f'"{revision}"'}


def code_of(response: httpx2.Response) -> tuple[int, str]:
    """Status and problem code of an answer that is not a success; the code is empty for a success."""
    is_problem = response.headers.get("content-type", "").startswith("application/problem+json")
    return response.status_code, response.json()["code"] if is_problem else ""
