"""Rounds of business under strikes against one running system; after each of them everything is accounted for."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from pydantic import SecretStr

from deploy.embedded.secret_files import secrets_of
from ops.services import services
from shared.chassis.runtime import runtime
from shared.chassis.settings import ChassisSettings
from shared.testing.gateway import gateway_of
from shared.testing.running import RunningSystem
from tests.integration.chaos.business import Business
from tests.integration.chaos.cast import Cast
from tests.integration.chaos.checker import Violation, check
from tests.integration.chaos.history import History, Wish
from tests.integration.chaos.nemesis import SPREAD_SECONDS, Nemesis, strikes
from tests.integration.chaos.sending import Sender
from tests.integration.chaos.world import World

ROUND_SECONDS = 20.0
"""How long a round waits for its scripts; what is not answered by then is carried into the next rounds."""
LAST_SECONDS = 150.0


class ObserverSettings(ChassisSettings):
    """The checker reads what all services hold."""

    service = "observer"


@dataclass
class Figures:
    """What a run was made of."""

    rounds: int = 0
    commands: int = 0
    attempts: int = 0
    unknown: int = 0
    repeats: int = 0
    events: int = 0
    records_repeated: int = 0
    mails: int = 0
    mails_repeated: int = 0
    struck: Counter[str] = field(default_factory=Counter)


class Campaign:
    """One seeded run. `round` and `finish` give what is wrong."""

    def __init__(self, seed: int, cast: Cast, sender: Sender, world: World, nemesis: Nemesis, gateway: str) -> None:
        self._seed = seed
        self._cast = cast
        self._sender = sender
        self._world = world
        self._nemesis = nemesis
        self._gateway = gateway
        self._scripts: set[asyncio.Task[None]] = set()
        self.figures = Figures()

    async def round(self, number: int) -> list[Violation]:
        """Business and strikes at once, recovery, every command once more, and the check of all that is settled."""
        chance, began = Random(f"{self._seed}/{number}"), monotonic()
        self._cast.refresh()
        self._sender.round = number
        planned = strikes(chance, self._nemesis.components())
        self._begin(chance)
        await self._nemesis.strike_all(planned)
        await self._world.snapshot()
        await self._wait(ROUND_SECONDS)
        await self._nemesis.recovered()
        self.figures.repeats += await self._sender.repeat_all()
        struck = Counter("stopped" if strike.pause else strike.victim for strike in planned)
        self.figures.struck += struck
        violations = await self._account()
        self.figures.rounds += 1
        told = f"round {number} of seed {self._seed}: {monotonic() - began:.1f} s, {len(self._scripts)} scripts go on"
        print(f"{told}; {'; '.join(map(str, planned))}", flush=True)
        return violations

    def _begin(self, chance: Random) -> None:
        business = Business(self._cast, self._sender, chance, self._gateway)
        scripts = [
            *(business.referral() for _ in range(5)),
            *(business.appointment() for _ in range(5)),
            *(business.invitation() for _ in range(3)),
            *(business.text() for _ in range(8)),
            *(business.push(practice) for practice in self._cast.practices),
        ]
        for script in scripts:
            task = asyncio.create_task(_after(chance.uniform(0, SPREAD_SECONDS), script))
            self._scripts.add(task)

    async def _wait(self, seconds: float) -> None:
        """For the scripts; an error in one is the test's own, and ends it."""
        if self._scripts:
            done, self._scripts = await asyncio.wait(self._scripts, timeout=seconds)
            for script in done:
                script.result()

    async def _account(self, last: bool = False) -> list[Violation]:
        await self._sender.hold()
        try:
            await self._world.settle()
            every = self._sender.history.wishes
            settled = every if last else [wish for wish in every if wish.outcome != "unknown"]
            evidence = await self._world.read(settled, everything=last)
        finally:
            self._sender.go_on()
        self._count(every)
        self.figures.events, self.figures.mails = len(evidence.facts), len(evidence.mails)
        self.figures.mails_repeated = len(evidence.mails) - len({mail.effect for mail in evidence.mails})
        self.figures.records_repeated = len(evidence.records) - len({record.event_id for record in evidence.records})
        return check(evidence)

    def _count(self, wishes: list[Wish]) -> None:
        answers = [answer.outcome for wish in wishes for answer in wish.answers]
        self.figures.commands, self.figures.attempts = len(wishes), len(answers)
        self.figures.unknown = answers.count("unknown")

    async def finish(self) -> list[Violation]:
        """Every script to its end, and the check of everything, read anew."""
        await self._wait(LAST_SECONDS)
        await self._nemesis.recovered()
        self.figures.repeats += await self._sender.repeat_all()
        return await self._account(last=True)


async def _after(seconds: float, script: Coroutine[Any, Any, None]) -> None:
    await asyncio.sleep(seconds)
    await script


@asynccontextmanager
async def campaign(system: RunningSystem, seed: int, folder: Path) -> AsyncIterator[Campaign]:
    """A run on a whole system; its history is `history.jsonl` in `folder`."""
    assert system.root is not None
    specs = {service.name: service.spec for service in services()}
    with gateway_of(system) as gateway:
        cast = Cast(gateway)
        async with runtime(_settings(system)) as running:
            world = World(running, specs, system.root / "mail")
            await world.settle()
            await world.begin()
            sender = Sender(system.gateway, History(folder / "history.jsonl"), cast.mark)
            try:
                yield Campaign(seed, cast, sender, world, Nemesis(system), system.gateway)
            finally:
                await sender.close()


def _settings(system: RunningSystem) -> ObserverSettings:
    assert system.root is not None
    secrets = secrets_of(system.root)
    return ObserverSettings(
        eventstore=SecretStr(system.endpoints["eventstore"]),
        kafka=system.endpoints["kafka"],
        mongodb=SecretStr(system.endpoints["mongodb"]),
        kek=SecretStr(secrets.kek),
        token_secret=SecretStr(secrets.token_secret),
    )
