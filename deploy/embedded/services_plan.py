"""The services as components: an api and a worker each, found by their folders, configured by environment alone."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded import probes
from deploy.embedded.components import Component
from deploy.embedded.options import HOST, PROJECT
from deploy.embedded.secret_files import Secrets
from deploy.embedded.servers_plan import Addresses, module

FIRST_PORT = {"api": 8101, "worker": 8201}
MODULE_OF = {"api": "main", "worker": "worker"}
AFTER = {"api": ("eventstore", "mongodb"), "worker": ("eventstore", "mongodb", "topics")}
ISSUER, AUDIENCE = "https://vetwire.local", "vetwire"
KEYS_PATH = "/api/portal/v1/.well-known/jwks.json"


@dataclass(frozen=True, slots=True)
class Service:
    """`folder` is services/<name>-svc; `processes` are those of api and worker that exist in it."""

    name: str
    folder: Path

    @property
    def package(self) -> str:
        return self.name.replace("-", "_")

    @property
    def processes(self) -> tuple[str, ...]:
        package = self.folder / self.package
        return tuple(kind for kind, file in MODULE_OF.items() if (package / f"{file}.py").exists())


def find_services(project: Path = PROJECT) -> list[Service]:
    """In the order of their names; a folder without a main and a worker is not a service yet."""
    folders = sorted((project / "services").glob("*-svc"))
    services = [Service(folder.name.removesuffix("-svc"), folder) for folder in folders]
    return [service for service in services if service.processes]


def service_ports(services: Iterable[Service]) -> dict[str, int | None]:
    """The usual port of every process, by component name."""
    return {
        f"{service.name}-{kind}": FIRST_PORT[kind] + number
        for number, service in enumerate(services)
        for kind in service.processes
    }


def python_path(project: Path = PROJECT) -> str:
    return os.pathsep.join([str(project), *(str(folder) for folder in sorted((project / "services").glob("*-svc")))])


def environment(at: Addresses, secrets: Secrets, gateway: str, keys_url: str) -> dict[str, str]:
    """What every service is told."""
    return {
        "PYTHONPATH": python_path(),
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "2",  # each thread's own arena costs resident memory that ten processes pay for
        "VETWIRE_ENV": "development",
        "VETWIRE_BIND": HOST,
        "VETWIRE_EVENTSTORE": at.eventstore,
        "VETWIRE_KAFKA": at.kafka,
        "VETWIRE_MONGODB": at.mongodb,
        "VETWIRE_SMTP": at.smtp,
        "VETWIRE_ISSUER": ISSUER,
        "VETWIRE_AUDIENCE": AUDIENCE,
        "VETWIRE_JWKS_URL": keys_url,
        "VETWIRE_PUBLIC_URL": gateway,
        "VETWIRE_KEK": secrets.kek,
        "VETWIRE_TOKEN_SECRET": secrets.token_secret,
    }


def portal_environment(secrets: Secrets) -> dict[str, str]:
    """What only the service that issues tokens is told."""
    return {
        "VETWIRE_SIGNING_KEYS_DIR": str(secrets.signing),
        "VETWIRE_BOOTSTRAP_OPERATOR": secrets.operator,
    }


def service_components(
    services: Iterable[Service],
    ports: Mapping[str, int],
    env: Mapping[str, str],
    portal_env: Mapping[str, str],
    present: frozenset[str],
) -> list[Component]:
    """`present` names the servers of this run; a foreign server is not waited for."""
    return [
        _process(service, kind, ports, {**env, **(portal_env if service.name == "portal" else {})}, present)
        for service in services
        for kind in service.processes
    ]


def _process(
    service: Service, kind: str, ports: Mapping[str, int], env: Mapping[str, str], present: frozenset[str]
) -> Component:
    name = f"{service.name}-{kind}"
    port = ports[name]
    return Component(
        name,
        module(f"{service.package}.{MODULE_OF[kind]}"),
        after=tuple(each for each in AFTER[kind] if each in present),
        env={**env, "VETWIRE_PORT": str(port)},
        port=port,
        ready=probes.http(HOST, port, "/readyz"),
        alive=probes.http(HOST, port, "/livez"),
    )
