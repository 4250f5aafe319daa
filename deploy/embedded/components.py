"""What the supervisor starts: a process or a job, what it waits for, and how its readiness is seen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deploy.embedded.probes import Probe


@dataclass(frozen=True, slots=True)
class Component:
    """`after` names the components that must be ready before this one starts.

    A job runs to its end and is ready when it exits with 0. `ready` is asked until it passes, for `start_timeout`
    seconds at most; `alive`, when given, is asked for as long as the process lives. `stop_timeout` is the time in
    seconds between SIGTERM and SIGKILL.
    """

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    ready: Probe | None = None
    alive: Probe | None = None
    job: bool = False
    start_timeout: float = 60.0
    stop_timeout: float = 10.0


class UnknownDependency(Exception):
    """A component waits for a name that nobody has, or two wait for each other."""


def in_waves(components: Iterable[Component]) -> list[list[Component]]:
    """Components in start order: each wave needs only earlier ones. Stopping takes the waves backwards."""
    left = list(components)
    waves: list[list[Component]] = []
    placed: set[str] = set()
    while left:
        wave = [each for each in left if placed.issuperset(each.after)]
        if not wave:
            raise UnknownDependency(", ".join(sorted(each.name for each in left)))
        waves.append(wave)
        placed.update(each.name for each in wave)
        left = [each for each in left if each.name not in placed]
    return waves
