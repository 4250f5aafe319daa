"""A client that asks until it knows: after no answer or a 5xx the same wish again, with the same key."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

from tests.integration.chaos.history import Answer, History, Mailed, Outcome, Shows, Wish

PATIENCE_SECONDS = 120.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0
_BUSY = {"idempotency-key-in-use", "rate-limited", "too-many-attempts"}
Ask = Callable[[], Awaitable[httpx2.Response]]


class Sender:
    """Sends wishes and writes down every attempt. `hold` lets what is under way end, and begins nothing new."""

    def __init__(self, gateway: str, history: History, name: str) -> None:
        self.history = history
        self._name = name
        self.round = 0
        self._http = httpx2.AsyncClient(base_url=gateway, timeout=httpx2.Timeout(20, read=75))
        self._open = asyncio.Event()
        self._open.set()
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._replays: list[tuple[Wish, Ask]] = []

    async def post(
        self,
        who: dict[str, str],
        path: str,
        body: Any,
        kind: str,
        *shows: Shows,
        mails: tuple[Mailed, ...] = (),
        if_match: int | None = None,
    ) -> Wish:
        """A command with an Idempotency-Key."""
        key = f"{self._name}-{len(self.history.wishes)}"
        wish = self.history.begin(self.round, kind, shows, mails, key)
        tag = {} if if_match is None else {"If-Match": f'"{if_match}"'}
        ask = self._asking("POST", path, headers={**who, **tag, "Idempotency-Key": key}, json=body)
        if await self._insist(wish, ask) == "ok":
            self._replays.append((wish, ask))
        return wish

    async def send(self, method: str, path: str, kind: str, *shows: Shows, **request: Any) -> Wish:
        """A command that is recognised by what it says when it comes again."""
        wish = self.history.begin(self.round, kind, shows)
        await self._insist(wish, self._asking(method, path, **request))
        return wish

    async def repeat_all(self) -> int:
        """Every command that was answered with yes, once more with its key; how many."""
        repeats, self._replays = self._replays, []
        for start in range(0, len(repeats), 4):
            await asyncio.gather(*(self._insist(wish, ask) for wish, ask in repeats[start : start + 4]))
        return len(repeats)

    async def hold(self) -> None:
        """Returns when no request is under way; none will be until `go_on`."""
        self._open.clear()
        await self._idle.wait()

    def go_on(self) -> None:
        """Requests may be sent."""
        self._open.set()

    async def close(self) -> None:
        await self._http.aclose()

    def _asking(self, method: str, path: str, **request: Any) -> Ask:
        async def ask() -> httpx2.Response:
            return await self._http.request(method, path, **request)

        return ask

    async def _insist(self, wish: Wish, ask: Ask) -> Outcome:
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + PATIENCE_SECONDS, _FIRST_PAUSE
        while True:
            answer = await self._attempt(ask)
            self.history.note(wish, answer)
            if answer.outcome != "unknown" or loop.time() > until:
                return answer.outcome
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _attempt(self, ask: Ask) -> Answer:
        await self._open.wait()
        self._under_way += 1
        self._idle.clear()
        try:
            return judged(await ask())
        except httpx2.TransportError as error:
            return Answer("unknown", None, {"error": type(error).__name__})
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()


def judged(response: httpx2.Response) -> Answer:
    """What an answer tells of the command."""
    kind = response.headers.get("content-type", "")
    body: dict[str, Any] = response.json() if "json" in kind else {}
    if response.is_success:
        return Answer("ok", response.status_code, body)
    told = {"code": body.get("code", ""), "detail": body.get("detail", "")}
    is_open = response.status_code >= 500 or response.status_code == 429 or told["code"] in _BUSY
    return Answer("unknown" if is_open else "fail", response.status_code, told)
