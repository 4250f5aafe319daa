"""Every operation of every service, with somebody's data in every field: none of it is in a log line (ASVS 16.2.5).

Once on a store that works, once on one whose errors quote all they were given: a bug in any handler does that.
"""

import io
import logging
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from shared.chassis.api_app import create_api
from shared.chassis.event_store import Append
from shared.chassis.logs import set_up_logging, without_set_up
from shared.chassis.settings import ChassisSettings
from shared.events.topics import SERVICES
from shared.testing.memory import MemoryEventStore, memory_state
from shared.testing.tokens import Mint

ROLES = ("owner", "staff", "referring_vet", "specialist", "pims", "operator")
MARKS = ("Quibble", "quibble", "5550173", "xyzzy")
BY_NAME = {"vendor": "avimark", "email": "zoe.quibble@example.org", "phone": "+15555550173", "number": "+15555550173"}


class Quoting(MemoryEventStore):
    """A store whose every failure tells the whole event."""

    async def append(self, append: Append, timeout: float = 10.0) -> int:
        raise LookupError(f"cannot append {append!r}")

    async def append_many(self, appends: Any, timeout: float = 30.0) -> Any:
        raise LookupError(f"cannot append {appends!r}")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    set_up_logging("demo", "development", "DEBUG", out)
    yield out
    without_set_up()
    root.handlers[:] = handlers
    root.setLevel(level)
    for ours in ("shared", "ops", "demo"):
        logging.getLogger(ours).setLevel(logging.NOTSET)


def filled(schema: dict[str, Any], known: dict[str, Any], name: str = "") -> Any:
    """A value for a JSON schema, with somebody's data wherever there may be text."""
    if reference := schema.get("$ref"):
        return filled(known[reference.rpartition("/")[2]], known, name)
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return filled(options[0], known, name)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            return {field: filled(inner, known, field) for field, inner in schema.get("properties", {}).items()}
        case "array":
            return [filled(schema.get("items", {}), known, name)]
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
        case _:
            return _text(schema, name)


def _text(schema: dict[str, Any], name: str) -> str:
    formats = {"date": "2030-05-06", "date-time": "2030-05-06T10:00:00Z", "time": "10:00:00"}
    told = next((value for part, value in BY_NAME.items() if part in name), "Zoe Quibble says xyzzy")
    return formats.get(str(schema.get("format")), told)


def app_of(service: str, store: MemoryEventStore, mint: Mint) -> Any:
    package = service.replace("-", "_")
    main, settings_module = import_module(f"{package}.main"), import_module(f"{package}.settings")
    of_settings = next(
        value
        for value in vars(settings_module).values()
        if isinstance(value, type) and issubclass(value, ChassisSettings) and value is not ChassisSettings
    )
    settings: ChassisSettings = of_settings()
    state = memory_state(store, settings=settings)
    return create_api(settings, main.ROUTERS, refusals=main.REFUSALS, verifier=mint.verifier(), state=state)


def requests(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path, and what to send, for each operation and each kind of body that it takes."""
    known = spec.get("components", {}).get("schemas", {})
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            url = path.replace("{clinic_id}", "elm").replace("{", "").replace("}", "")
            for kind, content in operation.get("requestBody", {}).get("content", {"": {}}).items():
                body = filled(content.get("schema", {}), known)
                yield method, url, _as(kind, body)


def _as(kind: str, body: Any) -> dict[str, Any]:
    match kind:
        case "application/json":
            return {"json": body}
        case "application/x-www-form-urlencoded":
            return {"data": body}
        case "":
            return {"params": {"email": "zoe.quibble@example.org", "phone": "+15555550173", "after": "Quibble"}}
        case _:
            return {"content": b"AccountId,LastName,Phone\n1,Quibble,5550173\n", "headers": {"content-type": kind}}


@pytest.mark.parametrize("store", [MemoryEventStore, Quoting], ids=["well", "broken"])
@pytest.mark.parametrize("service", SERVICES)
def test_nothing_that_was_sent_is_written(service: str, store: type[MemoryEventStore], written: io.StringIO) -> None:
    mint, statuses = Mint(), set()
    app = app_of(service, store(), mint)
    client = TestClient(app, raise_server_exceptions=False)
    for method, url, sent in requests(app.openapi()):
        for role in ROLES:
            clinics = ("*",) if role == "operator" else ("elm",)
            token = mint.token(role, clinics, client_ids={"elm": "7"} if role == "owner" else None)
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex, **sent.get("headers", {})}
            statuses.add(client.request(method, url, **{**sent, "headers": headers}).status_code)
            broken = client.request(method, url, content=b'{"Zoe": "Quibble xyzzy', headers=headers).status_code
            statuses.add(broken)
        statuses.add(client.request(method, url, headers={"Authorization": "Bearer xyzzy.quibble"}).status_code)
    assert {401, 403} <= statuses
    lines = written.getvalue().splitlines()
    assert [line for line in lines if any(mark in line for mark in MARKS)] == []
    assert any("token-refused" in line for line in lines)
    writes = service != "messaging"  # whose commands come with Twilio's signature only
    assert store is MemoryEventStore or not writes or 500 in statuses
