"""When this event comes, given those views, then these reactions."""

from dataclasses import dataclass, field, replace
from typing import Any

from shared.events.base import Event
from shared.kernel.automation import Automation, Cause, Reaction
from shared.testing.decider_spec import stored_and_read


@dataclass(frozen=True)
class AutomationSpec:
    """`given` names the views by their collection, as the automation's `needs` does."""

    automation: Automation[Any]
    clinic_id: str = "elm"
    local_id: str = "1"
    views: dict[str, Any] = field(default_factory=dict)
    event: Event | None = None

    def given(self, **views: Any) -> "AutomationSpec":
        return replace(self, views=views)

    def when(self, event: Event, local_id: str | None = None) -> "AutomationSpec":
        return replace(self, event=stored_and_read(event), local_id=local_id or self.local_id)

    def then(self, *expected: Reaction) -> None:
        assert list(self.reactions()) == list(expected)

    def then_nothing_happens(self) -> None:
        self.then()

    def reactions(self) -> list[Reaction]:
        assert self.event is not None, "call when(...) first"
        assert isinstance(self.event, self.automation.handles), "the automation does not handle this event"
        cause = Cause(self.event, self.clinic_id, self.local_id, "event-1")
        needed = self.automation.needs(cause)
        return list(self.automation.react(cause, **{name: self.views.get(name) for name in needed}))
