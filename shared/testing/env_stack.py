"""Servers and a system given by address: VETWIRE_EVENTSTORE, VETWIRE_KAFKA, VETWIRE_MONGODB, VETWIRE_PUBLIC_URL."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from shared.testing.running import RunningSystem, Servers, StackUnavailable

SERVERS = {"event store": "VETWIRE_EVENTSTORE", "Kafka": "VETWIRE_KAFKA", "MongoDB": "VETWIRE_MONGODB"}


def env_servers(env: Mapping[str, str]) -> Servers:
    """Raises StackUnavailable when an address is missing or MongoDB does not answer."""
    missing = [name for name in SERVERS.values() if not env.get(name)]
    if missing:
        raise StackUnavailable(f"--stack=env needs {', '.join(missing)}")
    at = {name: env[variable] for name, variable in SERVERS.items()}
    versions = {"MongoDB": _mongodb_version(at["MongoDB"])}
    real = tuple(
        {"name": name, "version": versions.get(name, ""), "kind": "given", "address": address.rpartition("@")[2]}
        for name, address in at.items()
    )
    return Servers(at["event store"], at["Kafka"], at["MongoDB"], real)


def _mongodb_version(uri: str) -> str:
    client: MongoClient[dict[str, Any]] = MongoClient(uri, serverSelectionTimeoutMS=5000)
    try:
        return str(client.server_info()["version"])
    except PyMongoError as error:
        raise StackUnavailable(f"VETWIRE_MONGODB does not answer: {error}") from error
    finally:
        client.close()


def env_system(env: Mapping[str, str]) -> RunningSystem:
    """By VETWIRE_PUBLIC_URL; VETWIRE_ENDPOINTS may name an endpoints.json with its clinics and logins."""
    file = env.get("VETWIRE_ENDPOINTS")
    endpoints: dict[str, Any] = json.loads(Path(file).read_text()) if file else {}
    gateway = env.get("VETWIRE_PUBLIC_URL") or endpoints.get("gateway")
    if not gateway:
        raise StackUnavailable("--stack=env needs VETWIRE_PUBLIC_URL")
    return RunningSystem(gateway, endpoints, Path(file).parent if file else None)
