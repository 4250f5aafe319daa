"""The five HTTP APIs look alike: what is learned from one holds for the others (design 15, 16, 17)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from openapi_spec_validator import validate

from ops.openapi import openapi
from shared.chassis.settings import ChassisSettings
from shared.events.topics import SERVICES

CLINIC = "/clinics/{clinic_id}"
PROBLEM = "application/problem+json"
PUBLIC = {
    "activate_account",
    "issue_token",
    "log_in",
    "log_out",
    "read_keys",
    "receive_twilio_sms",
    "refresh_token",
}
"""Operations that take no access token: they give one, or check a ticket of another kind."""
QUERY_VERBS = {"read", "list", "count", "watch"}
document = cache(openapi)


@dataclass(frozen=True)
class Operation:
    """One operation of one service."""

    service: str
    method: str
    path: str
    told: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.told["operationId"])

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        return {parameter["name"]: parameter for parameter in self.told.get("parameters", ())}

    @property
    def success(self) -> tuple[str, dict[str, Any]]:
        """Status and description of the one answer that is a success; 304 is none."""
        [found] = [(status, told) for status, told in self.told["responses"].items() if status.startswith("2")]
        return found

    @property
    def answer(self) -> dict[str, Any]:
        """The schema of a success in JSON; empty if there is none."""
        return self.resolved(self.success[1].get("content", {}).get("application/json", {}).get("schema", {}))

    @property
    def headers(self) -> set[str]:
        return set(self.success[1].get("headers", {}))

    @property
    def is_command(self) -> bool:
        return self.method != "get" and CLINIC in self.path

    @property
    def is_history(self) -> bool:
        """Operators look at the past, which is read from the store and does not change."""
        return "/as-of/" in self.path

    @property
    def reads_a_view(self) -> bool:
        is_stream = self.name.startswith("watch_")
        return self.method == "get" and CLINIC in self.path and not (is_stream or self.is_history)

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        name = schema.get("$ref", "").rpartition("/")[2]
        found: dict[str, Any] = document(self.service)["components"]["schemas"][name] if name else schema
        return found

    def objects(self, schema: Any) -> Iterator[dict[str, Any]]:
        """Every object with named members in a schema, whatever holds it."""
        if isinstance(schema, list):
            for part in schema:
                yield from self.objects(part)
        if isinstance(schema, dict):
            found = self.resolved(schema)
            if "properties" in found:
                yield found
            yield from self.objects(list(found.values()))


OPERATIONS = [
    Operation(service, method, path, told)
    for service in SERVICES
    for path, methods in document(service)["paths"].items()
    for method, told in methods.items()
]
each_service = pytest.mark.parametrize("service", SERVICES)


def each(operations: list[Operation]) -> pytest.MarkDecorator:
    assert operations, "a rule about nothing"
    return pytest.mark.parametrize("operation", operations, ids=lambda each: f"{each.service}-{each.name}")


@each_service
def test_the_document_is_valid_openapi_3_1(service: str) -> None:
    assert document(service)["openapi"].startswith("3.1")
    validate(document(service))


@each_service
def test_the_document_is_the_one_that_the_service_serves(service: str, tmp_path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "0001.pem").write_bytes(pem)
    package = service.replace("-", "_")
    settings = next(
        value
        for value in vars(import_module(f"{package}.settings")).values()
        if isinstance(value, type) and issubclass(value, ChassisSettings) and value.service == service
    )
    app = import_module(f"{package}.main").build(settings(signing_keys_dir=tmp_path))
    assert app.openapi() == document(service)


@each_service
def test_operation_ids_are_unique_and_lists_and_queries_are_named_alike(service: str) -> None:
    operations = [operation for operation in OPERATIONS if operation.service == service]
    assert len({operation.name for operation in operations}) == len(operations)
    queries = [operation for operation in operations if operation.method == "get"]
    assert [each.name for each in queries if each.name.partition("_")[0] not in QUERY_VERBS] == []
    lists = {each.name for each in queries if each.answer.get("type") == "array"}
    assert lists == {each.name for each in queries if each.name.startswith("list_")}


@each(OPERATIONS)
def test_an_operation_is_described(operation: Operation) -> None:
    assert operation.told["summary"]
    assert operation.told["description"]
    assert len(operation.told["tags"]) == 1


@each(OPERATIONS)
def test_rfc9457_every_failure_is_a_problem(operation: Operation) -> None:
    failures = {status for status in operation.told["responses"] if not status.startswith(("2", "3"))}
    assert failures == {"default"}
    assert list(operation.told["responses"]["default"]["content"]) == [PROBLEM]


@each(OPERATIONS)
def test_api5_only_doors_are_public(operation: Operation) -> None:
    assert (operation.name in PUBLIC) != bool(operation.told.get("security"))


def test_the_list_of_doors_is_not_longer_than_the_doors() -> None:
    assert {operation.name for operation in OPERATIONS} >= PUBLIC


@each([each for each in OPERATIONS if each.answer.get("type") == "array"])
def test_rfc8288_a_list_says_where_it_goes_on_or_that_it_is_short(operation: Operation) -> None:
    is_paged = {"cursor", "limit"} <= operation.parameters.keys() and "Link" in operation.headers
    assert is_paged != operation.told.get("x-short-list", False)


@each(OPERATIONS)
def test_an_answer_has_a_shape_and_no_list_hides_in_an_object(operation: Operation) -> None:
    status, told = operation.success
    kinds = told.get("content", {})
    assert bool(kinds) == (status != "204")
    if "application/json" in kinds:
        assert operation.answer.get("type") == "array" or operation.answer["properties"]
    assert "items" not in operation.answer.get("properties", {})


@each([each for each in OPERATIONS if each.method == "post" and each.success[0] == "201"])
def test_what_creates_takes_a_key_and_tells_the_id(operation: Operation) -> None:
    assert operation.parameters["Idempotency-Key"]["required"]
    assert {name for name in operation.answer["properties"] if name.endswith("_id") or name == "number"}


@each([each for each in OPERATIONS if "Idempotency-Key" in each.parameters])
def test_a_key_comes_with_a_post_alone(operation: Operation) -> None:
    assert operation.method == "post"


@each([each for each in OPERATIONS if each.is_command])
def test_a_command_tells_stream_and_revision(operation: Operation) -> None:
    assert {"stream", "revision"} <= operation.answer["properties"].keys()
    assert operation.success[0] in {"200", "201"}


@each([each for each in OPERATIONS if "revision" in each.answer.get("properties", {}) and not each.is_history])
def test_rfc9110_what_has_a_revision_has_it_as_etag(operation: Operation) -> None:
    assert "ETag" in operation.headers
    assert operation.method != "get" or "304" in operation.told["responses"]


@each([each for each in OPERATIONS if each.reads_a_view])
def test_a_query_waits_for_what_the_caller_knows(operation: Operation) -> None:
    assert operation.parameters["after"]["in"] == "query"


@each([each for each in OPERATIONS if "application/json" in each.told.get("requestBody", {}).get("content", {})])
def test_a_body_has_no_members_that_nobody_reads(operation: Operation) -> None:
    shape = operation.told["requestBody"]["content"]["application/json"]["schema"]
    objects = list(operation.objects(shape))
    assert objects
    assert [found["title"] for found in objects if found.get("additionalProperties") is not False] == []


@each(OPERATIONS)
def test_ids_that_we_gave_have_one_pattern_in_every_path(operation: Operation) -> None:
    made = {"account_id", "appointment_id", "reason_id", "referral_id", "run_id"} & operation.parameters.keys()
    assert {operation.parameters[name]["schema"]["pattern"] for name in made} <= {"^[0-9a-f]{32}$"}


@each(OPERATIONS)
def test_paths_are_kebab_case_below_the_service(operation: Operation) -> None:
    base = f"/api/{operation.service}/v1/"
    assert operation.path.startswith(base)
    parts = operation.path.removeprefix(base).split("/")
    assert [part for part in parts if not re.fullmatch(r"\{[a-z_]+\}|\.?[a-z]+([.-][a-z]+)*", part)] == []
