"""`docs/asyncapi.json`: what is on Kafka, as AsyncAPI 3.0, from the registry, the topics and the allow-lists.

Self-contained: payload schemas are those approved in `shared/events/schemas`, their definitions moved to `components`.
"""

import json
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ops.services import Service, services
from shared.events.catalogue import approved, registered, retired
from shared.events.cloudevents import CONTENT_TYPE, OPTIONAL, REQUIRED
from shared.events.topics import Topic, events_topic, parked_topic, topic_named
from shared.events.upcasters import newest

Json = dict[str, Any]
BINDING = "0.5.0"
PARKED = "parked"
_PROJECT = Path(__file__).parents[1] / "pyproject.toml"
_NUMBERS = {"retention.ms", "retention.bytes", "max.message.bytes"}
_MEANINGS = {
    "ce_specversion": "Always 1.0.",
    "ce_id": "The event's id; a record may come twice, with the same id.",
    "ce_type": "The stored type.",
    "ce_source": "The service, e.g. /pims-sync.",
    "ce_subject": "The stream.",
    "ce_time": "When it was recorded (RFC 3339).",
    "ce_clinicid": "The tenant.",
    "ce_actorkind": "Who wanted it: the kind of actor.",
    "ce_actorid": "Who wanted it: an id within the kind.",
    "ce_commandid": "The command that led to it.",
    "ce_correlationid": "The same for everything that one request set off.",
    "ce_causationid": "The event or command that led to this one.",
    "ce_streamrevision": "Counts the stream's events from 0: drop what was seen, read a gap from the event store.",
    "ce_commitposition": "Orders all events of the event store.",
    "traceparent": "W3C trace context.",
}


def asyncapi() -> Json:
    """The document. KeyError for a published type without an approved schema."""
    found = services()
    stored = {service.name: _stored_types(service) for service in found}
    types = [name for names in stored.values() for name in names]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Vetwire events",
            "version": tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["version"],
            "description": "Domain events of the five services. Topics keep all history; the key of a record is its "
            "stream, so that the events of one stream are in order. Values under `$personal` are encrypted.",
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "kafka": {
                "host": "{address}",
                "protocol": "kafka",
                "variables": {"address": {"default": "127.0.0.1:9092", "description": "VETWIRE_KAFKA"}},
            }
        },
        "channels": {name: channel for service in found for name, channel in _channels(service, stored[service.name])},
        "operations": {name: operation for service in found for name, operation in _operations(service)},
        "components": {
            "schemas": dict(sorted(item for name in types for item in _schemas(name))),
            "messages": {name: _message(name) for name in types} | {PARKED: _parked_message()},
            "messageTraits": {"cloudevent": _cloudevent()},
        },
    }


def text_of(document: Json) -> str:
    """The file's content."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _stored_types(service: Service) -> list[str]:
    """What a reader of the service's topic meets: what is published, and its versions from before."""
    published = {event.type_name for event in service.spec.published}
    return [name for name in sorted({*published, *retired()}) if newest(name) in published]


def _channels(service: Service, types: Iterable[str]) -> Iterator[tuple[str, Json]]:
    events, parked = events_topic(service.name), parked_topic(service.name)
    yield events, _channel(topic_named(events), f"What {service.name}-svc tells the others.", types)
    yield parked, _channel(topic_named(parked), f"What handlers of {service.name}-svc failed on.", [PARKED])


def _channel(topic: Topic, description: str, types: Iterable[str]) -> Json:
    settings: Json = {k: int(v) if k in _NUMBERS else v for k, v in topic.settings.items()}
    settings["cleanup.policy"] = settings["cleanup.policy"].split(",")
    binding = {"topic": topic.name, "partitions": topic.partitions, "topicConfiguration": settings}
    return {
        "address": topic.name,
        "description": description,
        "messages": {name: _ref("components", "messages", name) for name in types},
        "bindings": {"kafka": binding | {"bindingVersion": BINDING}},
    }


def _operations(service: Service) -> Iterator[tuple[str, Json]]:
    own = events_topic(service.name)
    yield f"{service.name}.publish", _operation("send", own, "The relay publishes what the allow-list names.")
    parked = parked_topic(service.name)
    yield f"{service.name}.park", _operation("send", parked, "A worker tells that it parked an event.")
    for followed in service.spec.follows:
        receive = _operation("receive", events_topic(followed), "Keeps views and runs automations.")
        group = {"type": "string", "const": service.name}
        receive["bindings"] = {"kafka": {"groupId": group, "bindingVersion": BINDING}}
        yield f"{service.name}.follow.{followed}", receive


def _operation(action: str, topic: str, summary: str) -> Json:
    return {"action": action, "channel": _ref("channels", topic), "summary": summary}


def _message(type_name: str) -> Json:
    schema = _approved(type_name)
    message = {
        "name": type_name,
        "summary": schema["description"].strip().splitlines()[0],
        "payload": _ref("components", "schemas", type_name),
        "traits": [_ref("components", "messageTraits", "cloudevent")],
    }
    if type_name not in registered():
        message["description"] = f"Of old; readers of {newest(type_name)} take it for one through the upcasters."
    return message


def _parked_message() -> Json:
    headers = {
        "handler": "The view or automation that failed.",
        "reason": "Why, in a few words.",
        "ce_id": "The event's id.",
    }
    return {
        "name": PARKED,
        "summary": "An event that a handler failed on, as it was stored; the collection `parked` is the truth.",
        "contentType": CONTENT_TYPE,
        "headers": _headers(headers, set(headers)),
        "payload": {"type": "object", "description": "The event's data."},
        "bindings": _key(),
    }


def _cloudevent() -> Json:
    """CloudEvents 1.0, Kafka protocol binding, binary mode."""
    return {
        "contentType": CONTENT_TYPE,
        "headers": _headers({name: _MEANINGS[name] for name in _MEANINGS if name in REQUIRED | OPTIONAL}, REQUIRED),
        "bindings": _key(),
    }


def _headers(meanings: dict[str, str], required: Iterable[str]) -> Json:
    properties = {name: {"type": "string", "description": meaning} for name, meaning in meanings.items()}
    return {"type": "object", "properties": properties, "required": sorted(required)}


def _key() -> Json:
    return {"kafka": {"key": {"type": "string", "description": "The stream."}, "bindingVersion": BINDING}}


def _schemas(type_name: str) -> Iterator[tuple[str, Json]]:
    """The payload's schema and its definitions, references pointing to where they are now."""
    schema = _approved(type_name)
    for name, definition in schema.pop("$defs", {}).items():
        yield _component(type_name, name), _moved(definition, type_name)
    yield type_name, _moved({k: v for k, v in schema.items() if k not in ("$schema", "$id")}, type_name)


def _moved(part: Any, type_name: str) -> Any:
    if isinstance(part, list):
        return [_moved(item, type_name) for item in part]
    if not isinstance(part, dict):
        return part
    if isinstance(part.get("$ref"), str):
        return _ref("components", "schemas", _component(type_name, part["$ref"].rpartition("/")[2]))
    return {name: _moved(value, type_name) for name, value in part.items()}


def _component(type_name: str, definition: str) -> str:
    return definition if definition == "Sealed" else f"{type_name}.{definition}"


def _approved(type_name: str) -> Json:
    schema = approved(type_name)
    if schema is None:
        raise KeyError(f"{type_name} has no approved schema")
    return schema


def _ref(*path: str) -> Json:
    return {"$ref": "#/" + "/".join(path)}
