"""The catalogue of stored event types: a JSON Schema for each, approved in git.

`python -m shared.events.catalogue check` says what is not approved yet, `write` approves it. What would make stored
events unreadable is refused: it needs a new version of the type, with an upcaster from the old one.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from shared import events
from shared.events import corpus
from shared.events.base import REGISTRY, Event
from shared.events.compatibility import breaking_changes
from shared.events.topics import SERVICES
from shared.events.upcasters import UPCASTERS

Json = dict[str, Any]
SCHEMAS = Path(__file__).parent / "schemas"
WRITERS = (*SERVICES, "ops")
"""Who stores events: the services, and the operators' command."""
_SEALED: Json = {
    "description": "A value encrypted with its subject's key: AES-256-GCM, nonce before the ciphertext.",
    "type": "object",
    "properties": {"$personal": {"type": "string"}, "c": {"type": "string", "contentEncoding": "base64"}},
    "required": ["$personal", "c"],
    "additionalProperties": False,
}


class _WithoutTitles(GenerateJsonSchema):
    """A title that repeats its field's name says nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def registered() -> dict[str, type[Event]]:
    """Every event that a writer declares, by stored name."""
    writers = {writer.replace("-", "_") for writer in WRITERS}
    modules = [f"shared.events.{found.name}" for found in iter_modules(events.__path__) if found.name in writers]
    for module in modules:
        import_module(module)
    return {name: REGISTRY[name] for name in sorted(REGISTRY) if REGISTRY[name].__module__ in modules}


def retired() -> list[str]:
    """Stored names that are only read any more: the old ends of the upcasters."""
    registered()
    return sorted(name for name in UPCASTERS if name.partition(".")[0] in WRITERS)


def schema_of(cls: type[Event]) -> Json:
    """The JSON Schema (2020-12) of an event as it is stored.

    Personal fields are sealed objects or null; `x-personal` is the schema of what is sealed in them and `x-subject`
    the template of the data subject's name; `x-erases` is the one of the subject whose key the event says is destroyed.
    Fields that are not `required` have a default: older events lack them.
    """
    schema = cls.model_json_schema(mode="serialization", schema_generator=_WithoutTitles)
    for name in cls.personal_fields:
        schema["properties"][name] = _sealed(schema["properties"][name])
    definitions = schema.pop("$defs", {}) | ({"Sealed": _SEALED} if cls.personal_fields else {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://vetwire.dev/events/{cls.type_name}.json",
        **schema,
        "title": cls.type_name,
        **({"x-subject": cls.subject_template} if cls.subject_template else {}),
        **({"x-erases": cls.erases_template} if cls.erases_template else {}),
        **({"$defs": dict(sorted(definitions.items()))} if definitions else {}),
    }


def _sealed(plain: Json) -> Json:
    sealed: Json = {"anyOf": [{"$ref": "#/$defs/Sealed"}, {"type": "null"}]}
    return (
        sealed | {name: plain.pop(name) for name in ("default", "description") if name in plain} | {"x-personal": plain}
    )


def approved(type_name: str, folder: Path = SCHEMAS) -> Json | None:
    """The schema in git; None if there is none."""
    path = folder / f"{type_name}.json"
    return json.loads(path.read_bytes()) if path.exists() else None


def text_of(schema: Json) -> str:
    """The approved file's content."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def incompatible(folder: Path = SCHEMAS) -> list[str]:
    """Changes that stored events do not survive, one sentence each."""
    pairs = [(name, approved(name, folder), schema_of(cls)) for name, cls in registered().items()]
    return [
        f"{name}: {change}. Give the event a new version and an upcaster from this one."
        for name, before, now in pairs
        if before is not None
        for change in breaking_changes(before, now)
    ]


def unapproved(folder: Path = SCHEMAS) -> list[str]:
    """Types whose schema is not the one in git, and schemas in git whose type is neither declared nor retired."""
    declared = registered()
    known = {*declared, *retired()}
    differing = [name for name, cls in declared.items() if approved(name, folder) != schema_of(cls)]
    missing = [name for name in retired() if approved(name, folder) is None]
    return differing + missing + [path.stem for path in sorted(folder.glob("*.json")) if path.stem not in known]


def findings() -> list[str]:
    """Everything that `write` would change, or refuse."""
    covered = {golden.type_name for golden in corpus.golden_files()}
    return [
        *incompatible(),
        *(f"{name}: the schema is not the approved one" for name in unapproved()),
        *(f"{name}: no golden file" for name in (*registered(), *retired()) if name not in covered),
        *corpus.tampered(),
    ]


def write() -> list[str]:
    """Approve what is new; what was written. ValueError, and nothing written, if stored events would not survive."""
    if refused := incompatible():
        raise ValueError("\n".join(refused))
    written = []
    for name, cls in registered().items():
        if approved(name) != schema_of(cls):
            SCHEMAS.mkdir(exist_ok=True)
            (SCHEMAS / f"{name}.json").write_text(text_of(schema_of(cls)), encoding="utf-8")
            written.append(f"schemas/{name}.json")
    corpus.add_samples({name: schema_of(cls) for name, cls in registered().items()})
    return written + [f"golden/{name}" for name in corpus.approve()]


def main(arguments: list[str]) -> int:
    """The exit code: 0 all is well, 1 something is not approved or cannot be, 2 not understood."""
    if arguments == ["write"]:
        try:
            lines = write()
        except ValueError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        sys.stdout.writelines(f"wrote {line}\n" for line in lines)
        return 0
    if arguments == ["check"]:
        lines = findings()
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return 1 if lines else 0
    sys.stderr.write("usage: python -m shared.events.catalogue check|write\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
