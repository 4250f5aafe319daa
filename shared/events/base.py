"""What every event is: a frozen pydantic model bound to the name under which it is stored."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict

REGISTRY: dict[str, "type[Event]"] = {}


class PersonalMark:
    """Marks a field whose value belongs to a person and is stored encrypted with that person's key (design 6)."""


PERSONAL = PersonalMark()
T = TypeVar("T")
Personal = Annotated[T | None, PERSONAL]
"""`Personal[str]`: a value of the event's data subject; None once the subject was erased."""


class Event(BaseModel):
    """A fact. Fields unknown to this version are ignored when read, so that an older reader survives a newer writer."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    type_name: ClassVar[str]
    subject_template: ClassVar[str | None] = None
    erases_template: ClassVar[str | None] = None
    personal_fields: ClassVar[frozenset[str]] = frozenset()

    @property
    def subject(self) -> str | None:
        """The person whose fields these are, the same in every service, e.g. `client:elm.42`; None if nobody."""
        return self.subject_template and self.subject_template.format_map(self.__dict__)

    @property
    def erases(self) -> str | None:
        """The person whose key was destroyed, if that is what happened; the views then fold anew what they have."""
        return self.erases_template and self.erases_template.format_map(self.__dict__)


E = TypeVar("E", bound=Event)


def event_type(name: str, subject: str | None = None, erases: str | None = None) -> Callable[[type[E]], type[E]]:
    """Bind a class to its stored name, so that renaming the class never renames history.

    `subject` is a template over the event's own fields, e.g. `"client:{clinic_id}.{client_id}"`; an event with
    personal fields must have one. `erases` is one too, of the event that says that a subject was erased.
    ValueError for a name that is taken, or marks that could not be honoured.
    """

    def register(cls: type[E]) -> type[E]:
        if name in REGISTRY:
            raise ValueError(f"event type {name} is already taken")
        cls.type_name = name
        cls.subject_template = subject
        cls.erases_template = erases
        cls.personal_fields = frozenset(f for f, info in cls.model_fields.items() if PERSONAL in info.metadata)
        if bool(cls.personal_fields) != (subject is not None):
            raise ValueError(f"{name}: personal fields and a data subject go together")
        for info in cls.model_fields.values():
            _refuse_nested_marks(name, info.annotation)
        REGISTRY[name] = cls
        return cls

    return register


def _refuse_nested_marks(name: str, annotation: Any) -> None:
    """Only top-level fields are encrypted: a mark inside a nested model would be a promise nobody keeps."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for info in annotation.model_fields.values():
            if PERSONAL in info.metadata:
                raise ValueError(f"{name}: {annotation.__name__} marks a nested field as personal")
            _refuse_nested_marks(name, info.annotation)
    for inner in get_args(annotation):
        _refuse_nested_marks(name, inner)
