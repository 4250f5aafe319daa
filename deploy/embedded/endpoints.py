"""`endpoints.json`: everything a script, a test or a person needs to reach the running system."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploy.embedded import mongodb, noida
from deploy.embedded.options import APACHE, NOIDA, Options
from deploy.embedded.servers_plan import Addresses
from deploy.embedded.state import SystemState, read_json, write_json


@dataclass(frozen=True, slots=True)
class Server:
    """One real server of the run; `kind` is embedded or given (by address)."""

    name: str
    version: str
    kind: str
    address: str
    note: str = ""


EVERY = ("eventstore", "kafka", "mongodb", "mailbox")


def servers(options: Options, at: Addresses, started: Sequence[str] = EVERY) -> list[Server]:
    """Which software the run really has: what was `started` here, and what was given by address."""
    named = {"eventstore": _event_store, "kafka": _broker, "mongodb": _mongodb}
    return [describe(options, at) for name, describe in named.items() if _is_there(options, name, started)]


def _is_there(options: Options, name: str, started: Sequence[str]) -> bool:
    return name in started or bool({"eventstore": options.eventstore, "mongodb": options.mongodb}.get(name))


def _event_store(options: Options, at: Addresses) -> Server:
    if options.eventstore:
        return _given("event store", at.eventstore)
    return Server("Vetwire event store (EventStoreDB protocol)", "0.1.0", "embedded", at.eventstore)


def _mongodb(options: Options, at: Addresses) -> Server:
    if options.mongodb:
        return _given("MongoDB", at.mongodb)
    return Server("SecantusDB (MongoDB protocol)", mongodb.version(), "embedded", at.mongodb)


def _given(name: str, address: str) -> Server:
    return Server(name, "", "given", _without_password(address))


def _without_password(address: str) -> str:
    scheme, found, rest = address.rpartition("://")
    return scheme + found + rest.rpartition("@")[2]


def _broker(options: Options, at: Addresses) -> Server:
    if options.broker == NOIDA:
        return Server("noida-db (Kafka protocol)", noida.version(), "embedded", at.kafka)
    if options.broker == APACHE:
        told = json.loads((options.root / "data" / "broker.json").read_text())
        return Server(told["name"], told["version"], "embedded", at.kafka, told["note"])
    return _given("Kafka", at.kafka)


def server_endpoints(options: Options, at: Addresses, started: Sequence[str] = EVERY) -> dict[str, Any]:
    """The part of the file that the servers alone can fill; without those that are not there."""
    mailbox = {"smtp": at.smtp, "http": at.mailbox}
    places = {"eventstore": at.eventstore, "kafka": at.kafka, "mongodb": at.mongodb, "mailbox": mailbox}
    return {
        **{name: place for name, place in places.items() if _is_there(options, name, started)},
        "servers": [asdict(server) for server in servers(options, at, started)],
    }


def service_endpoints(host: str, names: Mapping[str, tuple[str, ...]], state: SystemState) -> dict[str, Any]:
    """service -> process (api, worker) -> url, port and pid; components are named `<service>-<process>`."""
    return {
        service: {process: _process(host, state, f"{service}-{process}") for process in processes}
        for service, processes in names.items()
    }


def _process(host: str, state: SystemState, component: str) -> dict[str, Any]:
    each = state.components[component]
    return {"url": f"http://{host}:{each.port}", "port": each.port, "pid": each.pid}


def write_endpoints(root: Path, content: Mapping[str, Any]) -> None:
    """The sample loader's own file (clinics, logins) is merged in."""
    write_json(root / "endpoints.json", {**content, **read_json(root / "sample.json")})


def summary(content: Mapping[str, Any]) -> str:
    """What is printed when the system is ready."""
    lines = [
        f"  {name:<12} {content[name]}" for name in ("gateway", "eventstore", "kafka", "mongodb") if name in content
    ]
    if mailbox := content.get("mailbox"):
        lines.append(f"  {'mails':<12} {mailbox['http']}/messages")
    lines += [_server_line(each) for each in content["servers"]]
    for clinic in content.get("clinics", ()):
        lines += _clinic_lines(clinic)
    if operator := content.get("operator"):
        lines.append(f"  {'operator':<12} {operator['client_id']}  {operator['client_secret']}")
    return "\n".join(lines)


def _server_line(each: Mapping[str, str]) -> str:
    note = f"  WARNING: {each['note']}" if each["note"] else ""
    return f"  {'':<12} {each['name']} {each['version']} ({each['kind']}){note}"


def _clinic_lines(clinic: Mapping[str, Any]) -> list[str]:
    """One line for the clinic, one for each login (role, email, password) and credential (role, id, secret)."""
    people = [(each["role"], each["email"], each["password"]) for each in clinic.get("logins", ())]
    programs = [(each["role"], each["client_id"], each["client_secret"]) for each in clinic.get("credentials", ())]
    doors = [f"  {'':<12} {role:<14} {who}  {secret}" for role, who, secret in (*people, *programs)]
    return [f"  {'clinic':<12} {clinic['name']} ({clinic['clinic_id']})", *doors]
