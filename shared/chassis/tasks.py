"""Ending tasks for certain."""

import asyncio
from typing import Any

_AGAIN_SECONDS = 1.0


async def end(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel them and return when all have ended, whatever they raise.

    Once may not be enough: `wait_for` loses a cancellation that comes as its wait completes (CPython gh-86296, before
    3.12), and esdbclient takes one for the end of what it reads. A loop would go on, and who waits for it for ever.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
