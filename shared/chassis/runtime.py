"""What every process of a service holds: its database, its event store, its keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property

from shared.chassis.codec import Codec
from shared.chassis.event_store import EventStore
from shared.chassis.mongo import Client, Database, connect, database
from shared.chassis.personal_data import KeyRing
from shared.chassis.settings import ChassisSettings
from shared.chassis.versions import Versions

KEYS_DATABASE = "keys"


@dataclass(frozen=True)
class Runtime:
    """`db` is the service's own database; the keys of data subjects are in one that all services share."""

    settings: ChassisSettings
    client: Client
    db: Database
    keys: KeyRing
    store: EventStore

    @cached_property
    def versions(self) -> Versions:
        """Which collection of `db` holds a view now."""
        return Versions(self.db)

    async def ping(self) -> None:
        """Raises unless both servers answer."""
        await self.client.admin.command("ping")
        await self.store.read_stored("ping", limit=1)  # no such stream: an answer without a search


@asynccontextmanager
async def runtime(settings: ChassisSettings) -> AsyncIterator[Runtime]:
    """Connections for one process, closed in the end. The servers need not be up yet."""
    client = connect(settings.mongodb.get_secret_value())
    keys = KeyRing(database(client, KEYS_DATABASE), settings.kek_bytes)
    store = EventStore(settings.eventstore.get_secret_value(), Codec(keys))
    await store.connect()
    try:
        yield Runtime(settings, client, database(client, settings.service), keys, store)
    finally:
        await store.close()
        client.close()
