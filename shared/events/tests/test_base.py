"""What may call itself an event."""

import pytest
from pydantic import BaseModel, ValidationError

from shared.events.base import REGISTRY, Event, Personal, event_type

pytestmark = pytest.mark.usefixtures("own_registry")


@event_type("sample.Opened.v1", subject="person:{clinic_id}.{person_id}")
class _Opened(Event):
    clinic_id: str
    person_id: str
    name: Personal[str] = None
    colour: str = "white"


REGISTRY.pop("sample.Opened.v1")


class _Inner(BaseModel):
    secret: Personal[str] = None


class _Middle(BaseModel):
    inner: _Inner | None = None


def test_a_registered_event_is_found_by_its_stored_name() -> None:
    class Closed(Event):
        clinic_id: str

    assert event_type("sample.Closed.v1")(Closed) is Closed
    assert REGISTRY["sample.Closed.v1"] is Closed
    assert Closed.type_name == "sample.Closed.v1"


def test_a_stored_name_is_given_once() -> None:
    event_type("sample.Taken.v1")(type("Taken", (Event,), {}))
    with pytest.raises(ValueError, match=r"sample\.Taken\.v1 is already taken"):
        event_type("sample.Taken.v1")(type("Other", (Event,), {}))


def test_personal_fields_are_known_by_their_marks() -> None:
    assert _Opened.personal_fields == {"name"}


def test_the_subject_is_named_by_the_events_own_fields() -> None:
    assert _Opened(clinic_id="elm", person_id="7").subject == "person:elm.7"


def test_an_event_may_say_whose_key_was_destroyed() -> None:
    class Forgotten(Event):
        clinic_id: str
        person_id: str

    event_type("sample.Forgotten.v1", erases="person:{clinic_id}.{person_id}")(Forgotten)
    assert Forgotten(clinic_id="elm", person_id="7").erases == "person:elm.7"
    assert Forgotten(clinic_id="elm", person_id="7").subject is None
    assert _Opened(clinic_id="elm", person_id="7").erases is None


def test_an_event_about_nobody_has_no_subject() -> None:
    class Closed(Event):
        clinic_id: str

    event_type("sample.ClosedAgain.v1")(Closed)
    assert Closed(clinic_id="elm").subject is None
    assert Closed.personal_fields == frozenset()


def test_personal_fields_without_a_subject_are_refused() -> None:
    class Nameless(Event):
        name: Personal[str] = None

    with pytest.raises(ValueError, match="personal fields and a data subject go together"):
        event_type("sample.Nameless.v1")(Nameless)
    assert "sample.Nameless.v1" not in REGISTRY


def test_a_subject_without_personal_fields_is_refused() -> None:
    class Plain(Event):
        clinic_id: str

    with pytest.raises(ValueError, match="personal fields and a data subject go together"):
        event_type("sample.Plain.v1", subject="person:{clinic_id}")(Plain)


@pytest.mark.parametrize("annotation", [_Inner, _Inner | None, tuple[_Inner, ...], dict[str, _Inner], list[_Middle]])
def test_a_mark_in_a_nested_model_is_refused_wherever_it_hides(annotation: object) -> None:
    nested = type("Nested", (Event,), {"__annotations__": {"part": annotation}, "__module__": __name__})
    with pytest.raises(ValueError, match="marks a nested field as personal"):
        event_type("sample.Nested.v1")(nested)


def test_an_event_cannot_be_changed() -> None:
    event = _Opened(clinic_id="elm", person_id="7")
    with pytest.raises(ValidationError):
        event.colour = "red"  # type: ignore[misc]


def test_fields_of_a_newer_version_are_ignored() -> None:
    read = _Opened.model_validate({"clinic_id": "elm", "person_id": "7", "mood": "calm"})
    assert read == _Opened(clinic_id="elm", person_id="7")
    assert not hasattr(read, "mood")
