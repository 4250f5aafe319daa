"""`docs/openapi/<service>.json`: the five HTTP APIs as OpenAPI 3.1 documents, made from their routers."""

import json
from importlib import import_module
from typing import Any

from shared.chassis.api_app import create_api
from shared.chassis.settings import ChassisSettings
from shared.chassis.verifier import Verifier


def openapi(service: str) -> dict[str, Any]:
    """The document that the service answers with at `/api/<service>/v1/openapi.json`.

    Made without the service's own `build`, which may want keys and connections. ImportError unless its folder is on
    the path.
    """
    routers = import_module(f"{service.replace('-', '_')}.main").ROUTERS
    settings = type("Settings", (ChassisSettings,), {"service": service, "__annotations__": {}})
    document: dict[str, Any] = create_api(settings(), routers, verifier=Verifier({}, "nobody")).openapi()
    return document


def text_of(document: dict[str, Any]) -> str:
    """As it stands in the file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
