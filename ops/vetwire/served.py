"""What the command knows of a service: what its worker keeps, what it decides, and whom it can erase."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from shared.chassis.automations import Reactor
from shared.chassis.commands import Context, Handled
from shared.chassis.documents import AnyProjection
from shared.chassis.maintaining import Maintained
from shared.chassis.mongo import Database
from shared.chassis.outbox import Outbox, SmtpSender
from shared.chassis.parking import Parking
from shared.chassis.runtime import Runtime
from shared.chassis.worker_app import SENDER, WorkerSpec
from shared.events.envelope import StoredEvent
from shared.events.topics import TOPICS, Topic
from shared.kernel.automation import Automation
from shared.kernel.decider import Decider

AnyDecider = Decider[Any, Any, Any]
Erase = Callable[[Runtime, str, Context], Awaitable[Handled | None]]
"""Destroy the key of the person called so within its kind, and append the event that says so; None if none was."""


@dataclass(frozen=True)
class Served:
    """A service as the command sees it. `erasers` by the kind of a data subject (`client`)."""

    name: str
    spec: WorkerSpec
    deciders: tuple[AnyDecider, ...]
    erasers: dict[str, Erase] = field(default_factory=dict)

    def projection(self, collection: str) -> AnyProjection | None:
        """One of its views."""
        return next((p for p in self.spec.projections if p.collection == collection), None)

    def automation(self, name: str) -> Automation[Any] | None:
        """One of its automations."""
        return next((a for a in self.spec.automations if a.name == name), None)


@dataclass(frozen=True)
class Catalogue:
    """All services, and the topics that there are to be."""

    services: tuple[Served, ...]
    topics: tuple[Topic, ...] = TOPICS

    def service(self, name: str) -> Served:
        """KeyError for an unknown name."""
        return {service.name: service for service in self.services}[name]

    def decider(self, category: str) -> AnyDecider | None:
        """The one whose streams are of that category."""
        every = (decider for service in self.services for decider in service.deciders)
        return next((decider for decider in every if decider.category == category), None)


def product() -> Catalogue:
    """Vetwire's five services. Imports their code, which reads its settings from the environment."""
    from ops.services import services
    from ops.vetwire.erasers import ERASERS

    return Catalogue(
        tuple(
            Served(s.name, s.spec, tuple(m.decider for m in s.write_models), ERASERS.get(s.name, {}))
            for s in services()
        )
    )


async def _tell_nobody(_handler: str, _event: StoredEvent, _reason: str) -> None:
    """An operator who retries sees the outcome; the topic told when it was parked first."""


def parking_of(service: Served, db: Database) -> Parking:
    """The service's parked events."""
    return Parking(service.name, db, _tell_nobody)


def maintained_by(service: Served, running: Runtime) -> Maintained:
    """The projectors of the service's views, every version of them, to be folded from here as its worker does."""
    parking = parking_of(service, running.db)
    return Maintained(service.name, service.spec.projections, running.db, running.store, parking, "operator")


def reactor_of(service: Served, automation: Automation[Any], running: Runtime) -> Reactor:
    """One of the service's automations; its mails go into the outbox, which the worker empties."""
    settings = running.settings
    outbox = Outbox(service.name, running.db, SmtpSender(settings.smtp, SENDER, settings.smtp_tls))
    parking = parking_of(service, running.db)
    views = service.spec.projections
    return Reactor(automation, views, running.db, running.store, outbox, parking, running.versions)
