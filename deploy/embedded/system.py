"""The whole system as one plan: servers, topics, services, gateway, sample clinics, and what to tell about it."""

import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.embedded import probes
from deploy.embedded.components import Component
from deploy.embedded.endpoints import server_endpoints, service_endpoints
from deploy.embedded.options import HOST, USUAL_PORTS, Options
from deploy.embedded.ports import choose
from deploy.embedded.secret_files import Secrets, secrets_of
from deploy.embedded.servers_plan import Addresses, addresses, module, server_components
from deploy.embedded.services_plan import (
    AUDIENCE,
    ISSUER,
    KEYS_PATH,
    Service,
    environment,
    find_services,
    portal_environment,
    service_components,
    service_ports,
)
from deploy.embedded.state import SystemState

SAMPLE_MODULE = "deploy.embedded.sample"
SAMPLE_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class System:
    """One planned system: its ports are chosen, its secrets drawn, nothing runs yet."""

    options: Options
    ports: dict[str, int]
    services: Sequence[Service]
    secrets: Secrets

    @property
    def gateway(self) -> str:
        return f"http://{HOST}:{self.ports['GATEWAY_PORT']}"

    @property
    def addresses(self) -> Addresses:
        return addresses(self.options, self.ports)

    def components(self) -> list[Component]:
        """In start order, as people read it."""
        servers = server_components(self.options, self.ports)
        present = frozenset({"topics", *(each.name for each in servers)})
        env = self._environment()
        issuing = portal_environment(self.secrets)
        services = service_components(self.services, self.ports, env, issuing, present)
        apis = tuple(each.name for each in services if each.name.endswith("-api"))
        plan = [*servers, _topics(env), *services]
        if "portal-api" in apis:
            plan.append(self._gateway(apis))
        if self.options.sample and importlib.util.find_spec(SAMPLE_MODULE):
            plan.append(_sample(self.options.root, {**env, **issuing}, tuple(each.name for each in plan)))
        return plan

    def _environment(self) -> dict[str, str]:
        keys_url = f"http://{HOST}:{self.ports.get('portal-api', 0)}{KEYS_PATH}"
        return environment(self.addresses, self.secrets, self.gateway, keys_url)

    def _gateway(self, apis: tuple[str, ...]) -> Component:
        """Ready when Envoy's own door says so, which it does with a sound configuration only."""
        port, admin = self.ports["GATEWAY_PORT"], self.ports["GATEWAY_ADMIN_PORT"]
        at = {api.removesuffix("-api"): self.ports[api] for api in apis}
        rendered = ["--target", "embedded", "--services", json.dumps(at), "--gateway-port", port, "--admin-port", admin]
        trust = ["--issuer", ISSUER, "--audience", AUDIENCE, "--mailbox", self.ports["MAILBOX_PORT"]]
        config = self.options.root / "envoy.json"
        command = module("deploy.embedded.gateway", "--config", config, "--", *rendered, *trust)
        ready = probes.http(HOST, admin, "/ready")
        env = {"PYTHONPATH": self._environment()["PYTHONPATH"]}
        return Component("gateway", command, after=apis, env=env, port=port, ready=ready, alive=ready)

    def endpoints(self, state: SystemState) -> dict[str, Any]:
        """The content of endpoints.json before the sample loader's part is merged in."""
        processes = {service.name: service.processes for service in self.services}
        client, _, secret = self.secrets.operator.partition(":")
        return {
            "gateway": self.gateway,
            **server_endpoints(self.options, self.addresses),
            "services": service_endpoints(HOST, processes, state),
            "operator": {"client_id": client, "client_secret": secret},
            "supervisor": state.pid,
        }


def plan_system(options: Options) -> System:
    """Choose ports and draw secrets. Raises PortTaken for an asked port that is in use."""
    services = find_services()
    usual = {**USUAL_PORTS, **service_ports(services)}
    ports = choose(dict.fromkeys(usual) if options.any_ports else usual, options.ports)
    return System(options, ports, services, secrets_of(options.root))


def _topics(env: dict[str, str]) -> Component:
    """Before any worker: a Faust worker that starts without its topics subscribes to nothing."""
    return Component("topics", module("shared.chassis.kafka"), after=("kafka",), env=env, job=True)


def _sample(root: Path, env: dict[str, str], after: tuple[str, ...]) -> Component:
    command = module(SAMPLE_MODULE, "--root", root)
    return Component("sample", command, after=after, env=env, job=True, start_timeout=SAMPLE_TIMEOUT)
