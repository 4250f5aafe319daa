"""What a stored event type may change without a new version: nothing that history, or a reader of it, relies on.

Works on the JSON Schemas of the catalogue and on the keywords that pydantic writes there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
_BOUNDS = ("pattern", "format", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_LIMITS = (*_BOUNDS, "minItems", "maxItems", "uniqueItems", "multipleOf")
_NULL = {"type": "null"}


def breaking_changes(approved: Json, current: Json) -> list[str]:
    """Why events stored under `approved` do not fit `current`, one sentence each; empty when they all do.

    Fine: a new field with a default, one more allowed value, a limit that is lifted. Everything else needs a new
    version of the type and an upcaster.
    """
    found = list(_Comparison(approved, current).differences(approved, current, "the event"))
    if approved.get("x-subject") != current.get("x-subject"):
        found.append("the event: its data subject changed, so that its personal fields would need other keys")
    if "x-erases" in approved and approved["x-erases"] != current.get("x-erases"):
        found.append("the event: whom it erases changed, so that views would forget somebody else, or nobody")
    return found


@dataclass(frozen=True)
class _Comparison:
    """Two documents; parts of them are compared with their references resolved."""

    approved: Json
    current: Json

    def differences(self, approved: Json, current: Json, at: str) -> Iterator[str]:
        old, new = _options(self.approved, approved), _options(self.current, current)
        if any(map(_takes_anything, new)):
            return
        if _NULL in old and _NULL not in new:
            yield f"{at}: null is no longer allowed"
        old, new = ([option for option in options if option != _NULL] for options in (old, new))
        if len(old) == 1 and len(new) == 1:
            yield from self._one(old[0], new[0], at)
        else:
            yield from (f"{at}: {_short(o)} is no longer allowed" for o in old if not self._fits_one_of(o, new, at))

    def _fits_one_of(self, option: Json, candidates: list[Json], at: str) -> bool:
        return any(not list(self._one(option, candidate, at)) for candidate in candidates)

    def _one(self, old: Json, new: Json, at: str) -> Iterator[str]:
        if old.get("type") != new.get("type") and (old.get("type"), new.get("type")) != ("integer", "number"):
            yield f"{at}: was {_short(old)}, is {_short(new)}"
            return
        if lost := _lost_values(old, new):
            yield f"{at}: no longer allows {', '.join(map(repr, lost))}"
        yield from (f"{at}: {k} is now {new[k]!r}" for k in _LIMITS if k in new and new[k] != old.get(k))
        yield from self._fields(old, new, at)
        for part in ("items", "additionalProperties"):
            if isinstance(new.get(part), dict):
                yield from self.differences(old.get(part) or {}, new[part], f"{at}, {part}")

    def _fields(self, old: Json, new: Json, at: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before.keys() - after.keys():
            yield f"{at}: field {name} is gone"
        needed = set(new.get("required", ()))
        for name in needed - before.keys():
            yield f"{at}: new field {name} has no default, and the events already stored do not have it"
        for name in needed & before.keys() - set(old.get("required", ())):
            yield f"{at}: field {name} became required"
        for name in before.keys() & after.keys():
            yield from self._field(before[name], after[name], name)

    def _field(self, old: Json, new: Json, name: str) -> Iterator[str]:
        if ("x-personal" in old) != ("x-personal" in new):
            yield f"field {name}: it {'stopped being' if 'x-personal' in old else 'became'} personal"
            return
        yield from self.differences(old.get("x-personal", old), new.get("x-personal", new), f"field {name}")


def _options(document: Json, part: Json) -> list[Json]:
    """The alternatives of a schema, references resolved."""
    if "$ref" in part:
        return _options(document, document["$defs"][part["$ref"].rpartition("/")[2]])
    if "anyOf" in part:
        return [option for alternative in part["anyOf"] for option in _options(document, alternative)]
    return [part]


def _takes_anything(part: Json) -> bool:
    return part.keys() <= {"description", "title", "default"}


def _lost_values(old: Json, new: Json) -> list[Any]:
    """Values that were allowed and are not any more; of a type that becomes a list of values, all."""
    allowed = _values(new)
    if allowed is None:
        return []
    before = _values(old)
    return ["other values"] if before is None else [value for value in before if value not in allowed]


def _values(part: Json) -> list[Any] | None:
    return [part["const"]] if "const" in part else part.get("enum")


def _short(part: Json) -> str:
    return str(part.get("title") or part.get("type") or "any value")
