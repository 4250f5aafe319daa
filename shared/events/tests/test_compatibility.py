"""What a stored type may change, and what needs a new version."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, create_model

from shared.events.base import PERSONAL, REGISTRY, Event, event_type
from shared.events.catalogue import schema_of
from shared.events.compatibility import breaking_changes
from shared.events.pims_sync import Value


class _Contact(Value):
    raw: str
    preferred: bool = False


class _StrictContact(Value):
    raw: str
    preferred: bool


class _RenamedContact(Value):
    text: str


PERSONAL_TEXT: Any = Annotated[str | None, PERSONAL]
FIELDS: dict[str, Any] = {
    "clinic_id": (str, ...),
    "count": (int, ...),
    "mode": (Literal["full", "delta"], "full"),
    "note": (str | None, None),
    "tags": (tuple[str, ...], ()),
    "contact": (_Contact | None, None),
    "counts": (dict[str, int], {}),
    "short": (str, Field("", max_length=5)),
    "name": (PERSONAL_TEXT, None),
    "contacts": (Annotated[tuple[_Contact, ...] | None, PERSONAL], None),
}


def _schema(subject: str = "person:{clinic_id}", without: str = "", **changes: Any) -> dict[str, Any]:
    fields = {name: kind for name, kind in (FIELDS | changes).items() if name != without}
    model = create_model("Sample", __base__=Event, **fields)
    return schema_of(_registered(model, subject))


def _registered(model: type[Event], subject: str) -> type[Event]:
    cls = event_type("sample.Sample.v1", subject=subject)(model)
    REGISTRY.pop("sample.Sample.v1")
    return cls


def _changes(subject: str = "person:{clinic_id}", without: str = "", **changes: Any) -> list[str]:
    return breaking_changes(_schema(), _schema(subject, without, **changes))


@pytest.mark.parametrize(
    "harmless",
    [
        {},
        {"added": (str, "x")},
        {"added": (str | None, None)},
        {"mode": (Literal["full", "delta", "partial"], "full")},
        {"mode": (str, "full")},
        {"count": (int, 3)},
        {"count": (float, ...)},
        {"clinic_id": (str | None, ...)},
        {"note": (Any, None)},
        {"short": (str, "")},
        {"short": (str, Field("", description="a few letters", max_length=5))},
    ],
    ids=str,
)
def test_what_every_stored_event_still_fits_is_fine(harmless: dict[str, Any]) -> None:
    assert _changes(**harmless) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"added": (str, ...)}, "new field added has no default"),
        ({"mode": (Literal["full", "delta"], ...)}, "field mode became required"),
        ({"mode": (Literal["full"], "full")}, "field mode: no longer allows 'delta'"),
        ({"clinic_id": (Literal["elm"], ...)}, "field clinic_id: no longer allows 'other values'"),
        ({"count": (str, ...)}, "field count: was integer, is string"),
        ({"note": (str, "")}, "field note: null is no longer allowed"),
        ({"note": (int | None, None)}, "field note: was string, is integer"),
        ({"tags": (tuple[int, ...], ())}, "field tags, items: was string, is integer"),
        ({"counts": (dict[str, str], {})}, "field counts, additionalProperties: was integer, is string"),
        ({"short": (str, Field("", max_length=3))}, "field short: maxLength is now 3"),
        ({"count": (int, Field(ge=1))}, "field count: minimum is now 1"),
        ({"contact": (_StrictContact | None, None)}, "field contact: field preferred became required"),
        ({"contact": (_RenamedContact | None, None)}, "field contact: field raw is gone"),
        ({"name": (str | None, None)}, "field name: it stopped being personal"),
        ({"note": (PERSONAL_TEXT, None)}, "field note: it became personal"),
        (
            {"contacts": (Annotated[tuple[_StrictContact, ...] | None, PERSONAL], None)},
            "field contacts, items: field preferred became",
        ),
        ({"subject": "somebody:{clinic_id}"}, "its data subject changed"),
        ({"without": "note"}, "field note is gone"),
    ],
    ids=str,
)
def test_what_a_stored_event_would_not_survive_is_named(change: dict[str, Any], sentence: str) -> None:
    found = _changes(**change)
    assert any(sentence in line for line in found), found


def test_a_renamed_field_is_a_loss_and_a_demand() -> None:
    found = sorted(_changes(without="count", total=(int, ...)))
    assert [line.partition(": ")[2] for line in found] == [
        "field count is gone",
        "new field total has no default, and the events already stored do not have it",
    ]


def test_of_several_alternatives_each_must_stay() -> None:
    before = _schema(count=(int | str, ...))
    assert breaking_changes(before, _schema(count=(int | str | bool, ...))) == []
    assert breaking_changes(before, _schema(count=(int, ...))) == ["field count: string is no longer allowed"]


def test_an_event_goes_on_erasing_the_same_person() -> None:
    plain = {"type": "object", "properties": {}}
    assert breaking_changes(plain, plain | {"x-erases": "person:{id}"}) == []
    assert breaking_changes(plain | {"x-erases": "person:{id}"}, plain) == [
        "the event: whom it erases changed, so that views would forget somebody else, or nobody"
    ]
