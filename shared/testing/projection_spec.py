"""Given these events of one stream, then this document."""

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from shared.kernel.decider import Projection
from shared.testing.decider_spec import stored_and_read

V = TypeVar("V", bound=BaseModel)


@dataclass(frozen=True)
class ProjectionSpec(Generic[V]):
    """`then` also proves that the fold does not depend on where it was interrupted and stored."""

    projection: Projection[Any, V]
    history: tuple[Any, ...] = ()

    def given(self, *events: Any) -> "ProjectionSpec[V]":
        return replace(self, history=tuple(stored_and_read(event) for event in events))

    def view(self) -> V | None:
        return self.projection.fold(self.history)

    def then(self, expected: V | None) -> None:
        assert self.view() == expected
        assert self._interrupted_after_each_event() == expected

    def then_fields(self, **expected: Any) -> None:
        view = self.view()
        assert view is not None, "there is no document"
        assert {name: getattr(view, name) for name in expected} == expected
        assert self._interrupted_after_each_event() == view

    def _interrupted_after_each_event(self) -> V | None:
        view: V | None = None
        for event in self.history:
            view = self.projection.fold([event], view)
            view = None if view is None else self.projection.view.model_validate(view.model_dump())
        return view
