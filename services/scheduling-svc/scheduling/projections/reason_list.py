"""The reasons for a visit of one clinic (R92)."""

from pydantic import BaseModel

from shared.events import scheduling as events
from shared.kernel.decider import Projection


class ReasonLine(BaseModel):
    """One reason; `is_default`: preselected."""

    reason_id: str
    name: str
    description: str
    appointment_type: str | None
    is_default: bool = False
    is_active: bool = True


class ReasonList(BaseModel):
    """All of them, in the order in which they were added."""

    reasons: tuple[ReasonLine, ...] = ()


def evolve(view: ReasonList | None, event: events.ReasonEvent) -> ReasonList:
    lines = view.reasons if view else ()
    match event:
        case events.ReasonAdded():
            return ReasonList(reasons=(*lines, ReasonLine(**event.model_dump(exclude={"clinic_id"}))))
        case events.ReasonMadeDefault(reason_id=id_):
            chosen = (line.model_copy(update={"is_default": line.reason_id == id_}) for line in lines)
            return ReasonList(reasons=tuple(chosen))
        case events.ReasonDeactivated(reason_id=id_):
            gone = {"is_active": False, "is_default": False}
            left = (line.model_copy(update=gone) if line.reason_id == id_ else line for line in lines)
            return ReasonList(reasons=tuple(left))


reason_lists = Projection[events.ReasonEvent, ReasonList](
    "reason_lists",
    "reasons",
    (events.ReasonAdded, events.ReasonMadeDefault, events.ReasonDeactivated),
    ReasonList,
    evolve,
)
