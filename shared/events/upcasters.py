"""Old versions of events become new ones when they are read; what is stored is never rewritten."""

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Upcast = Callable[[Json], Json]
UPCASTERS: dict[str, tuple[str, Upcast]] = {}


def upcaster(old: str, new: str) -> Callable[[Upcast], Upcast]:
    """Register the step from stored name `old` to `new`. ValueError if `old` has one, or steps would go in a circle."""

    def register(step: Upcast) -> Upcast:
        if old in UPCASTERS:
            raise ValueError(f"no second way out of {old}")
        if old == newest(new):
            raise ValueError(f"{new} leads back to {old}")
        UPCASTERS[old] = (new, step)
        return step

    return register


def newest(type_name: str) -> str:
    """The name of the newest version of an event that is stored as `type_name`."""
    while type_name in UPCASTERS:
        type_name, _ = UPCASTERS[type_name]
    return type_name


def upcast(type_name: str, data: Json) -> tuple[str, Json]:
    """The newest version of an event and its name; total: an event that is newest already comes back as it is."""
    while type_name in UPCASTERS:
        type_name, step = UPCASTERS[type_name]
        data = step(data)
    return type_name, data
