"""An operator of the toy service in a process of their own: `rebuild` or `switch`."""

import asyncio
import sys

from shared.chassis.crash_points import arm
from shared.chassis.rebuild import Rebuild
from shared.chassis.runtime import Runtime, runtime
from shared.chassis.switching import NotPossible, control, switch, switch_target
from tests.integration.pipeline import toy

VIEW = toy.TALLIES.collection


async def _rebuild(running: Runtime) -> None:
    """With so few documents in memory that it takes several passes, and can be interrupted between them."""
    limit = max(2, await running.db[VIEW].count_documents({}) // 3)
    while True:
        try:
            await Rebuild(running, toy.TALLIES, limit=limit).run()
            return
        except NotPossible:
            await asyncio.sleep(0.5)  # the lease of one that died runs out


async def _switch(running: Runtime) -> None:
    await switch(running.db, VIEW, switch_target(await control(running.db, VIEW)).number)


async def _main(what: str) -> None:
    settings = toy.ToySettings()
    arm(settings.crash_point, settings.env)
    async with runtime(settings) as running:
        await {"rebuild": _rebuild, "switch": _switch}[what](running)


if __name__ == "__main__":
    with toy.registered():
        asyncio.run(_main(sys.argv[1]))
