"""The readiness of a process asks its servers cheaply."""

from types import SimpleNamespace
from typing import Any

import pytest

from shared.chassis.runtime import Runtime
from shared.chassis.settings import ChassisSettings
from shared.testing.memory import MemoryEventStore

pytestmark = pytest.mark.anyio


class Asked(MemoryEventStore):
    searches = 0
    reads = 0

    async def head(self, types: str) -> int:
        self.searches += 1
        return await super().head(types)

    async def read_stored(self, stream: str, first: int = 0, limit: int | None = None) -> Any:
        self.reads += 1
        return await super().read_stored(stream, first, limit)


async def test_a_probe_does_not_search_the_log() -> None:
    """The newest event of a type that nobody stores is looked for in the whole history."""

    async def command(_name: str) -> None: ...

    store = Asked()
    client: Any = SimpleNamespace(admin=SimpleNamespace(command=command))
    nothing: Any = None
    await Runtime(ChassisSettings(), client, nothing, nothing, store).ping()
    assert (store.searches, store.reads) == (0, 1)
