"""SIGTERM under load: not ready first, what is under way is finished, gone in less than ten seconds (B.2.13).

With one replica the gateway has nobody to ask until the next process is there, and says 503 of its own. What the API
itself promises is looked at here: behind a balancer that goes by readiness, two replicas fail nobody.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import pytest

from deploy.embedded.ports import free_port
from deploy.embedded.services_plan import python_path
from shared.events.referral import ReferralSubmitted
from shared.testing.running import Servers, wait_until
from shared.testing.tokens import Mint
from tests.integration.chaos.issuer import published_keys
from tests.integration.chaos.lines import Line
from tests.integration.chaos.mortal import Mortal
from tests.integration.pipeline.conftest import Toy, environment

pytestmark = pytest.mark.anyio
REFERRALS = "/api/referral/v1/clinics/elm/referrals"
GONE_WITHIN = 10.0
CLIENTS = 6
SLOW = 0.3  # seconds to the event store and back again: every request is under way for a while


@pytest.fixture
async def slow_store(servers: Servers) -> AsyncIterator[str]:
    uri = urlsplit(servers.eventstore)
    line = Line(uri.hostname or "", uri.port or 2113)
    async with line.address() as address:
        line.delay = SLOW
        yield f"esdb://{address}?{uri.query}"


@pytest.fixture
def mint() -> Mint:
    return Mint()


@pytest.fixture
async def replicas(servers: Servers, mint: Mint, slow_store: str, tmp_path: Path) -> AsyncIterator[list[Mortal]]:
    with published_keys(mint) as url:
        told = {"VETWIRE_JWKS_URL": url, "PYTHONPATH": python_path(), "VETWIRE_EVENTSTORE": slow_store}
        made = [
            Mortal("referral.main", {**environment(servers, free_port()), **told}, tmp_path / f"api{n}.log")
            for n in (0, 1)
        ]
        for each in made:
            each.start()
        for each in made:
            await asyncio.to_thread(each.until_ready)
        yield made
        for each in made:
            each.end()


class Balancer:
    """Sends to the replicas that say that they are ready, in turns; asks them ten times a second."""

    def __init__(self, replicas: list[Mortal]) -> None:
        self._replicas = replicas
        self._ready = list(replicas)
        self._turn = 0
        self.stopped = False
        self.answers: Counter[str] = Counter()

    async def look(self) -> None:
        async with httpx2.AsyncClient(timeout=2) as http:
            while not self.stopped:
                self._ready = [each for each in self._replicas if await _is_ready(http, each)] or self._ready
                await asyncio.sleep(0.1)

    async def ask(self, mint: Mint, mark: str) -> None:
        """One client that sends one case after the other."""
        async with httpx2.AsyncClient(timeout=30) as http:
            number = 0
            while not self.stopped:
                self._turn += 1
                at = self._ready[self._turn % len(self._ready)]
                answer = await _referred(http, at.url, mint, f"{mark}.{number}")
                if answer != "ConnectError":  # nobody took it: every balancer tries the next one
                    self.answers[answer] += 1
                    number += 1


async def _is_ready(http: httpx2.AsyncClient, replica: Mortal) -> bool:
    with suppress(httpx2.TransportError):
        return (await http.get(f"{replica.url}/readyz")).status_code == 200
    return False


async def _referred(http: httpx2.AsyncClient, url: str, mint: Mint, mark: str) -> str:
    case = {
        "client": {"name": "Client of a run"},
        "patient": {"name": mark, "species": "dog"},
        "history": "Coughs.",
        "clinical_signs": "Murmur.",
        "owner_consents": True,
    }
    headers = {**mint.headers("referring_vet", ("elm",)), "Idempotency-Key": mark}
    try:
        answer = await http.post(url + REFERRALS, json=case, headers=headers)
    except httpx2.TransportError as error:
        return type(error).__name__
    return str(answer.status_code)


async def test_a_replica_that_is_stopped_under_load_fails_nobody(
    service: Toy, replicas: list[Mortal], mint: Mint
) -> None:
    balancer = Balancer(replicas)
    mark = uuid4().hex
    tasks = [asyncio.ensure_future(balancer.look())]
    tasks += [asyncio.ensure_future(balancer.ask(mint, f"{mark}.{n}")) for n in range(CLIENTS)]
    await asyncio.to_thread(wait_until, lambda: balancer.answers["201"] >= 2 * CLIENTS, 60, "answers")
    began = monotonic()
    code = await asyncio.to_thread(replicas[0].stop)
    gone_after = monotonic() - began
    before = balancer.answers["201"]
    await asyncio.to_thread(wait_until, lambda: balancer.answers["201"] >= before + CLIENTS, 60, "answers")
    balancer.stopped = True
    await asyncio.gather(*tasks)
    assert (code, set(balancer.answers)) == (0, {"201"}), balancer.answers
    assert gone_after < GONE_WITHIN
    assert await _stored(service, mark) == balancer.answers["201"]


async def _stored(service: Toy, mark: str) -> int:
    """How many different cases of this test are in the store; none of them twice."""
    found: Counter[str] = Counter()
    async for event in service.running.store.scan(types=ReferralSubmitted.type_name.replace(".", r"\.")):
        if mark.encode() in event.data:
            found[event.stream] += 1
    assert set(found.values()) == {1}
    return len(found)
