"""Any process of the whole system dies or stalls at any moment, in rounds; every promise is kept (reliability B.2)."""

from pathlib import Path

import pytest

from shared.testing.running import RunningSystem
from tests.integration.chaos.campaign import campaign

pytestmark = pytest.mark.anyio


async def test_every_promise_is_kept_through_rounds_of_strikes(
    system: RunningSystem, tmp_path: Path, chaos_seed: int, chaos_rounds: int
) -> None:
    async with campaign(system, chaos_seed, tmp_path) as run:
        for number in range(1, chaos_rounds + 1):
            assert await run.round(number) == [], f"seed {chaos_seed}, round {number}; history in {tmp_path}"
        assert await run.finish() == [], f"seed {chaos_seed}, all rounds together; history in {tmp_path}"
        print(f"seed {chaos_seed}: {run.figures}", flush=True)
