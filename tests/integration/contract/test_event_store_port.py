"""The port's contract on the fake that unit tests use, and on the real driver with a real server."""

from collections.abc import AsyncIterator

import pytest

from shared.chassis.codec import Codec
from shared.chassis.event_store import EventStore
from shared.testing.event_store_contract import EventStoreContract
from shared.testing.memory import MemoryEventStore, MemoryKeys
from shared.testing.running import Servers


class TestInMemory(EventStoreContract):
    @pytest.fixture
    def store(self) -> EventStore:
        return MemoryEventStore()


@pytest.mark.servers
class TestThroughEsdbclient(EventStoreContract):
    @pytest.fixture
    async def store(self, servers: Servers) -> AsyncIterator[EventStore]:
        real = EventStore(servers.eventstore, Codec(MemoryKeys()))
        await real.connect()
        yield real
        await real.close()
