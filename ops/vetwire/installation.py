"""A running installation, connected to: its servers, its services and who is asking."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from ops.vetwire.asking import Asking, asking
from ops.vetwire.served import Catalogue, Served
from shared.chassis import clock
from shared.chassis.codec import Codec
from shared.chassis.commands import Context
from shared.chassis.mongo import Database, database
from shared.chassis.personal_data import WithheldKeys
from shared.chassis.runtime import Runtime, runtime
from shared.chassis.settings import ChassisSettings
from shared.events.envelope import Actor


class OpsSettings(ChassisSettings):
    """The command reads what the services read."""

    service = "ops"


@dataclass(frozen=True)
class Installation:
    """What every command works on. `hidden` reads events without their personal fields.

    What one call of the command leads to, its audit included, has one `correlation_id`.
    """

    running: Runtime
    catalogue: Catalogue
    who: Asking
    hidden: Codec
    correlation_id: str

    def database(self, service: Served) -> Database:
        """The service's own."""
        return database(self.running.client, service.name)

    def runtime_of(self, service: Served) -> Runtime:
        """As the service's own processes have it."""
        return replace(self.running, db=self.database(service))

    def codec(self, reveal: bool) -> Codec:
        """Which one shows personal fields, or does not."""
        return self.running.store.codec if reveal else self.hidden

    def context(self) -> Context:
        """Of a command sent from here, in no clinic yet."""
        return Context(
            clinic_id="platform",
            actor=Actor(kind="operator", id=self.who.name),
            command_id=UUID(clock.new_id()),
            correlation_id=self.correlation_id,
            now=clock.now(),
        )


@asynccontextmanager
async def connected(catalogue: Catalogue, token: str | None) -> AsyncIterator[Installation]:
    """Connections for one command, by the settings in the environment. `NotAnOperator` for a token that is no good."""
    settings = OpsSettings()
    who = await asking(settings, token)
    async with runtime(settings) as running:
        yield Installation(running, catalogue, who, Codec(WithheldKeys()), clock.new_id())
