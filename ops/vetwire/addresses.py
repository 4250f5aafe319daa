"""Where the installation is: options, then the environment, then `endpoints.json` of a running embedded system."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

USUAL_ENDPOINTS = Path(__file__).parents[2] / ".vetwire" / "endpoints.json"
KEYS_PATH = "/api/portal/v1/.well-known/jwks.json"
_SECRETS = ("VETWIRE_KEK", "VETWIRE_TOKEN_SECRET")


class NoEndpoints(Exception):
    """The file that was named cannot be read."""


def configuration(
    options: Mapping[str, str | None], environment: Mapping[str, str], endpoints: Path | None
) -> dict[str, str]:
    """The `VETWIRE_` variables that are in force.

    The usual endpoints file is read only if neither options nor environment name an event store: half of one
    installation and half of another would be worse than an error. Raises `NoEndpoints` for a file that was named.
    """
    told = {name: value for name, value in options.items() if value}
    known = {name: value for name, value in environment.items() if name.startswith("VETWIRE_")} | told
    if endpoints is None and ("VETWIRE_EVENTSTORE" in known or not USUAL_ENDPOINTS.exists()):
        return known
    return of_embedded(endpoints or USUAL_ENDPOINTS) | known


def of_embedded(endpoints: Path) -> dict[str, str]:
    """What a running embedded system would tell its services, from its endpoints.json and the secrets beside it."""
    try:
        system = json.loads(endpoints.read_bytes())
        found = {f"VETWIRE_{name.upper()}": system[name] for name in ("eventstore", "kafka", "mongodb")}
    except (OSError, ValueError, KeyError) as error:
        raise NoEndpoints(f"{endpoints}: {type(error).__name__}") from error
    if portal := system.get("services", {}).get("portal", {}).get("api"):
        found |= {"VETWIRE_JWKS_URL": portal["url"] + KEYS_PATH}
    if gateway := system.get("gateway"):
        found |= {"VETWIRE_PUBLIC_URL": gateway}
    secrets = {name: endpoints.parent / "secrets" / name.lower() for name in _SECRETS}
    return found | {name: path.read_text().strip() for name, path in secrets.items() if path.exists()}


def adopt(found: Mapping[str, str]) -> None:
    """Put them into this process's environment, where the services' settings look for them."""
    os.environ.update(found)
