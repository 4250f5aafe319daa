"""What a person sees while the system starts: a live table on a terminal, one line per change elsewhere."""

import time
from collections.abc import Mapping
from typing import Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table

from deploy.embedded.state import ComponentState

COLOURS = {"ready": "green", "done": "green", "starting": "yellow", "backing-off": "red", "failed": "red"}
QUIET = frozenset({"stopping"})


class Display(Protocol):
    def show(self, components: Mapping[str, ComponentState]) -> None: ...
    def say(self, text: str) -> None: ...
    def settle(self) -> None: ...


class PlainDisplay:
    """`   3.2 s  kafka            ready       port 9092, process 4711`, once per change of state."""

    def __init__(self, began: float | None = None) -> None:
        self._began = time.monotonic() if began is None else began
        self._last: dict[str, tuple[str, str]] = {}

    def show(self, components: Mapping[str, ComponentState]) -> None:
        for name, each in components.items():
            now = (each.state, each.note)
            if self._last.get(name, ("waiting", "")) != now:
                self._last[name] = now
                if each.state not in QUIET:
                    self.say(f"{name:<18} {each.state:<12} {_detail(each)}".rstrip())

    def skip(self, components: Mapping[str, ComponentState]) -> None:
        """What has been shown already in another way."""
        self._last = {name: (each.state, each.note) for name, each in components.items()}

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", flush=True)

    def settle(self) -> None:
        """Nothing to end: lines stay as they are."""


class LiveDisplay:
    """A table that is redrawn in place until the system has settled; after that, plain lines."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._components: Mapping[str, ComponentState] = {}
        self._live = Live(get_renderable=self._table, console=Console(), refresh_per_second=6)
        self._live.start()
        self._after: PlainDisplay | None = None

    def show(self, components: Mapping[str, ComponentState]) -> None:
        self._components = components
        if self._after is not None:
            self._after.show(components)

    def say(self, text: str) -> None:
        if self._after is not None:
            self._after.say(text)
        else:
            self._live.console.print(text, markup=False, highlight=False)

    def settle(self) -> None:
        if self._after is None:
            self._live.stop()
            self._after = PlainDisplay(self._began)
            self._after.skip(self._components)

    def _table(self) -> RenderableType:
        table = Table(title=f"Vetwire, {time.monotonic() - self._began:.0f} s", title_justify="left", box=None)
        for heading in ("component", "state", ""):
            table.add_column(heading)
        for name, each in self._components.items():
            table.add_row(name, f"[{COLOURS.get(each.state, 'dim')}]{each.state}[/]", _detail(each))
        return table


def _detail(each: ComponentState) -> str:
    parts = [each.note]
    if each.state == "ready":
        parts += [f"port {each.port}" if each.port else "", f"{each.seconds_to_ready or 0:.1f} s"]
    if each.restarts:
        parts.append(f"restart {each.restarts}")
    return ", ".join(part for part in parts if part)
