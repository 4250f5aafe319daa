"""Ids that are derived, so that doing a thing again is recognised as the same thing (design 3, 14)."""

from uuid import UUID, uuid5

_NAMESPACE = UUID("5b0f7b4e-2f0c-5c39-9b3e-7a51c7e1d0aa")


def derived_id(*parts: str) -> UUID:
    """The same parts give the same id; parts are kept apart, so ("a", "bc") is not ("ab", "c")."""
    return uuid5(_NAMESPACE, "\x1f".join(parts))


def event_id(command_id: UUID, index: int) -> UUID:
    """The id of the event at `index` (from 0) of what a command led to; a retry makes the same one."""
    return uuid5(command_id, str(index))
