"""The golden files: one stored event or more of every version that was ever stored. They never change.

`golden/<type>/<name>.json` holds `data` and `metadata` as stored. Where the event has personal fields, `personal`
holds what is sealed in them; `key`, if given, is the base64 of the data key that opens them. `manifest.json` holds
the SHA-256 of each file: a file that differs from it was tampered with.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.events.base import REGISTRY, Event
from shared.events.envelope import StoredEvent
from shared.events.upcasters import upcast

Json = dict[str, Any]
GOLDEN = Path(__file__).parent / "golden"
MANIFEST = "manifest.json"
_SCALARS: Json = {"integer": 1, "number": 1.5, "boolean": False, "null": None, "object": {}}
_FORMATS = {"date-time": "2026-03-02T09:30:00Z", "date": "2026-03-02", "uuid": "5b0f7b4e-2f0c-4c39-9b3e-7a51c7e1d0aa"}
_TEXTS = ("09:30", "2026-03-02", "+12065550123", "ana@example.org", "en", "1.5")
_METADATA = {
    "clinic_id": "elm",
    "actor": {"kind": "system", "id": "golden"},
    "command_id": "0d3a7c1e-5f7b-4c55-8a7e-b0c0f3f5a9d1",
    "correlation_id": "golden",
    "recorded_at": "2026-03-02T09:30:00Z",
}


@dataclass(frozen=True)
class Golden:
    """One file. `name` is its path below the folder."""

    name: str
    content: Json

    @property
    def type_name(self) -> str:
        """The stored type: the folder's name."""
        return self.name.partition("/")[0]

    @property
    def stored(self) -> StoredEvent:
        """The event as the store would hand it out."""
        data, metadata = (json.dumps(self.content[part]).encode() for part in ("data", "metadata"))
        event_id = UUID(self.content["id"])
        return StoredEvent(event_id, self.type_name, self.content["stream"], 0, 0, data, metadata)

    def newest(self, personal: bool) -> Event:
        """The event in the newest version, with its personal values or as after an erasure."""
        values = self.content.get("personal", {})
        readable = {name: values.get(name) if personal else None for name in values}
        type_name, data = upcast(self.type_name, self.content["data"] | readable)
        return REGISTRY[type_name].model_validate(data)


def golden_files(folder: Path = GOLDEN) -> list[Golden]:
    """All of them, by name."""
    paths = sorted(folder.glob("*/*.json"))
    return [Golden(path.relative_to(folder).as_posix(), json.loads(path.read_bytes())) for path in paths]


def tampered(folder: Path = GOLDEN) -> list[str]:
    """What differs from the manifest, one sentence each."""
    approved = _manifest(folder)
    actual = _hashes(folder)
    return [
        *(f"{name} was changed: golden files never change, add another one" for name in approved.keys() & actual.keys()
          if approved[name] != actual[name]),
        *(f"{name} is gone: what was stored once can be met for ever" for name in approved.keys() - actual.keys()),
        *(f"{name} is not in the manifest: run the catalogue's write" for name in actual.keys() - approved.keys()),
    ]  # fmt: skip


def approve(folder: Path = GOLDEN) -> list[str]:
    """Take new files into the manifest; their names. ValueError if an approved one was changed."""
    approved, actual = _manifest(folder), _hashes(folder)
    if changed := [name for name, digest in approved.items() if actual.get(name) != digest]:
        raise ValueError(f"golden files never change: {', '.join(changed)}")
    text = json.dumps(dict(sorted(actual.items())), indent=2)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return sorted(actual.keys() - approved.keys())


def add_samples(schemas: Mapping[str, Json], folder: Path = GOLDEN) -> list[str]:
    """A first file for each type that has none, made from its schema; their names."""
    covered = {golden.type_name for golden in golden_files(folder)}
    names = [f"{type_name}/every-field.json" for type_name in schemas if type_name not in covered]
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = sample(schemas[path.parent.name])
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return names


def sample(schema: Json) -> Json:
    """A golden file's content for an event that fills every field."""
    fields = schema["properties"]
    data = {name: _value(schema, part, name) for name, part in fields.items()}
    personal = {name: data[name] for name, part in fields.items() if "x-personal" in part}
    subject = schema.get("x-subject", "").format_map(data)
    sealed = {name: {"$personal": subject, "c": b64encode(f"sealed {name}".encode()).decode()} for name in personal}
    event_id = "3f0e6c52-9a3d-5d0b-9f43-0b1f6f7d2a10"
    head = {"id": event_id, "stream": "golden-elm.1", "data": data | sealed, "metadata": _METADATA}
    return head | ({"personal": personal} if personal else {})


def _value(schema: Json, part: Json, name: str) -> Any:
    """A value that the part of the schema allows; text says which field it is."""
    part = part.get("x-personal", part)
    if "$ref" in part:
        return _value(schema, schema["$defs"][part["$ref"].rpartition("/")[2]], name)
    if "anyOf" in part:
        return _value(schema, part["anyOf"][0], name)
    if "const" in part or "enum" in part:
        return part.get("const", next(iter(part.get("enum", ())), None))
    if "properties" in part:
        return {inner: _value(schema, value, inner) for inner, value in part["properties"].items()}
    if part.get("type") == "array":
        return [_value(schema, part["items"], name)]
    return _text(part, name) if part.get("type") == "string" else _SCALARS.get(part.get("type", "null"))


def _text(part: Json, name: str) -> str:
    """The field's name where any text does. ValueError for a pattern that none of ours fits."""
    if "format" in part:
        return _FORMATS[part["format"]]
    texts = ("elm",) if name == "clinic_id" else (name.replace("_", "-"), *_TEXTS)
    fitting = [text for text in texts if re.search(part.get("pattern", ""), text)]
    if not fitting:
        raise ValueError(f"{name}: write the golden file by hand, for {part['pattern']}")
    return fitting[0]


def _manifest(folder: Path) -> dict[str, str]:
    path = folder / MANIFEST
    return json.loads(path.read_bytes()) if path.exists() else {}


def _hashes(folder: Path) -> dict[str, str]:
    return {name: sha256((folder / name).read_bytes()).hexdigest() for name in _names(folder)}


def _names(folder: Path) -> Iterable[str]:
    return (path.relative_to(folder).as_posix() for path in sorted(folder.glob("*/*.json")))
