"""The AsyncAPI document is valid, whole, and says what the services do."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from ops.asyncapi import asyncapi
from ops.services import services
from shared.events import corpus
from shared.events.cloudevents import to_headers
from shared.events.topics import SERVICES, TOPICS

Json = dict[str, Any]
# The official schema of the AsyncAPI initiative for documents of version 3.0.0 (Apache-2.0, see the licence beside it).
OFFICIAL = json.loads((Path(__file__).parent / "asyncapi-3.0.0.json").read_bytes())
# What a draft-07 reader, which is what AsyncAPI's default schema format asks for, would not understand.
NEWER_KEYWORDS = {"$defs", "prefixItems", "unevaluatedProperties", "dependentRequired", "$dynamicRef", "minContains"}


@pytest.fixture(scope="module")
def document() -> Json:
    return asyncapi()


def _errors(document: Json) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in Draft7Validator(OFFICIAL).iter_errors(document)]


def _parts(part: Any) -> Iterator[Json]:
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _parts(inner)


def _resolved(document: Json, reference: str) -> Any:
    part: Any = document
    for step in filter(None, reference.removeprefix("#/").split("/")):
        part = part[step]
    return part


def _inlined(document: Json, part: Any) -> Any:
    """The schema with its references replaced by what they name."""
    if isinstance(part, list):
        return [_inlined(document, item) for item in part]
    if not isinstance(part, dict):
        return part
    if isinstance(part.get("$ref"), str):
        return _inlined(document, _resolved(document, part["$ref"]))
    return {name: _inlined(document, value) for name, value in part.items()}


def test_the_document_is_valid_asyncapi_3(document: Json) -> None:
    assert _errors(document) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("asyncapi",), "2.6.0"),
        (("info", "title"), None),
        (("channels", "pims-sync.events", "messages"), []),
        (("operations", "pims-sync.publish", "action"), "shout"),
        (("channels", "pims-sync.events", "bindings", "kafka", "partitions"), "four"),
        (("components", "schemas", "pims-sync.ClientErased.v1", "type"), "thing"),
    ],
    ids=str,
)
def test_a_document_that_is_not_valid_would_be_noticed(document: Json, path: tuple[str, ...], value: object) -> None:
    broken = deepcopy(document)
    *above, last = path
    _resolved(broken, "/".join(above))[last] = value
    assert _errors(broken)


def test_every_reference_leads_somewhere(document: Json) -> None:
    references = [part["$ref"] for part in _parts(document) if isinstance(part.get("$ref"), str)]
    assert len(references) > 100
    assert all(isinstance(_resolved(document, reference), dict) for reference in references)


def test_every_schema_is_one_for_draft_7_and_for_2020_12(document: Json) -> None:
    for schema in document["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
        Draft202012Validator.check_schema(schema)


def test_no_keyword_is_newer_than_the_default_schema_format(document: Json) -> None:
    for schema in document["components"]["schemas"].values():
        assert not {key for part in _parts(schema) for key in part} & NEWER_KEYWORDS


def test_there_is_a_channel_for_every_topic_with_its_settings(document: Json) -> None:
    assert set(document["channels"]) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        binding = document["channels"][topic.name]["bindings"]["kafka"]
        assert (binding["topic"], binding["partitions"]) == (topic.name, topic.partitions)
        assert binding["topicConfiguration"]["retention.ms"] == -1


def test_a_channel_carries_what_the_allow_list_names(document: Json) -> None:
    for service in services():
        messages = set(document["channels"][f"{service.name}.events"]["messages"])
        assert messages >= {event.type_name for event in service.spec.published}


def test_what_stays_inside_is_not_in_the_document(document: Json) -> None:
    assert not any(name.startswith("portal.Session") for name in document["components"]["messages"])


def test_old_versions_are_there_too_because_topics_keep_all_history(document: Json) -> None:
    old = document["components"]["messages"]["pims-sync.PatientSynced.v1"]
    assert "pims-sync.PatientSynced.v2" in old["description"]
    assert "pims-sync.PatientSynced.v1" in document["channels"]["pims-sync.events"]["messages"]


def test_every_service_publishes_and_follows_itself(document: Json) -> None:
    for name in SERVICES:
        assert document["operations"][f"{name}.publish"]["action"] == "send"
        assert document["operations"][f"{name}.follow.{name}"]["action"] == "receive"


def test_golden_files_fit_the_payloads(document: Json) -> None:
    schemas = {name: _inlined(document, schema) for name, schema in document["components"]["schemas"].items()}
    published = [golden for golden in corpus.golden_files() if golden.type_name in schemas]
    assert published
    for golden in published:
        validator = Draft7Validator(schemas[golden.type_name])
        assert [error.message for error in validator.iter_errors(golden.content["data"])] == [], golden.name


def test_real_headers_fit_the_document(document: Json) -> None:
    schema = document["components"]["messageTraits"]["cloudevent"]["headers"]
    golden = corpus.golden_files()[0]
    headers = {name: value.decode() for name, value in to_headers(golden.stored, "/portal")}
    Draft7Validator(schema).validate(headers)
    assert headers.keys() - {"content-type"} <= schema["properties"].keys()
    assert set(schema["required"]) <= headers.keys()
