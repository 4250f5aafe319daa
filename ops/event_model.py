"""`docs/event-model.md`: which command leads to which event, who shows it and who acts on it.

The tables between the markers are generated from the deciders and the workers; the story is written by hand. That a
command leads to an event is read from the source of `decide`: the event is made in a branch for the command.
"""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import get_type_hints

from ops.services import Service, WriteModel, services
from shared.chassis.documents import AnyProjection
from shared.events.base import Event
from shared.events.catalogue import registered
from shared.events.topics import events_topic

BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
NONE = "–"


def event_model(page: str) -> str:
    """The page with its generated part made anew. ValueError without the markers."""
    before, _, rest = page.partition(BEGIN)
    _, marker, after = rest.partition(END)
    if not marker:
        raise ValueError(f"the page has no {BEGIN} ... {END}")
    found = services()
    body = "\n\n".join(_section(service, found) for service in found)
    return f"{before}{BEGIN}\n\n{body}\n\n{END}{after}"


def _section(service: Service, everyone: Sequence[Service]) -> str:
    parts = [
        f"## {service.name}",
        _follows(service),
        "### From command to view",
        _table(("command", "stream", "event", "leaves", "seen in", "then"), _flows(service, everyone)),
        "### Views",
        _table(("view", "one document for each", "folds", "indexes"), map(_view, service.spec.projections)),
        "### Automations",
        _table(("automation", "when", "reads"), _automations(service)) if service.spec.automations else "None.",
    ]
    return "\n\n".join(parts)


def _follows(service: Service) -> str:
    topics = ", ".join(f"`{events_topic(name)}`" for name in service.spec.follows)
    return f"Publishes on `{events_topic(service.name)}`; its worker follows {topics}."


def _flows(service: Service, everyone: Sequence[Service]) -> Iterator[tuple[str, ...]]:
    decided = set()
    for model in service.write_models:
        links = made_by(model)
        for event in model.events:
            decided.add(event)
            commands = [c.__name__ for c in model.commands if event.__name__ in links[c.__name__]]
            yield (_listed(commands), f"`{model.decider.category}`", *_effects(event, service, everyone))
    for name, event in registered().items():
        if name.startswith(f"{service.name}.") and event not in decided:
            yield (NONE, NONE, *_effects(event, service, everyone))


def _effects(event: type[Event], service: Service, everyone: Sequence[Service]) -> tuple[str, ...]:
    leaves = "yes" if event in service.spec.published else "no"
    return f"`{event.type_name}`", leaves, _listed(_views_of(event, everyone)), _listed(_reactions_to(event, everyone))


def _views_of(event: type[Event], everyone: Sequence[Service]) -> list[str]:
    return [
        f"{service.name}/{projection.collection}"
        for service in everyone
        for projection in service.spec.projections
        if event in projection.handles
    ]


def _reactions_to(event: type[Event], everyone: Sequence[Service]) -> list[str]:
    return [
        f"{service.name}/{automation.name}"
        for service in everyone
        for automation in service.spec.automations
        if automation.handles is event
    ]


def _view(projection: AnyProjection) -> tuple[str, ...]:
    return (
        f"`{projection.collection}`",
        f"`{projection.category}` stream",
        _listed([event.__name__ for event in projection.handles]),
        _listed([" + ".join(("clinic", *fields)) for fields in projection.indexes]),
    )


def _automations(service: Service) -> Iterator[tuple[str, ...]]:
    for automation in service.spec.automations:
        yield f"`{automation.name}`", f"`{automation.handles.__name__}`", _listed(_needed(automation.needs))


def _needed(needs: object) -> list[str]:
    """The collections that an automation reads: the text keys in the source of its `needs`."""
    code = getattr(needs, "__code__", None)
    constants = code.co_consts if code else ()
    names = [name for constant in constants for name in (constant if isinstance(constant, tuple) else (constant,))]
    return [name for name in names if isinstance(name, str) and name.isidentifier()]


def _listed(names: Sequence[str]) -> str:
    return "<br>".join(f"`{name}`" for name in names) or NONE


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True)
class _Source:
    """The functions of a decider's module by name, and the names that matter in them."""

    functions: dict[str, ast.FunctionDef]
    commands: frozenset[str]
    events: frozenset[str]

    def made(self, name: str, commands: frozenset[str], seen: frozenset[str]) -> Iterator[tuple[str, str]]:
        """Pairs (command, event): the function may be called for `commands` and makes the event."""
        if name in self.functions and name not in seen:
            for statement in self.functions[name].body:
                yield from self._in(statement, commands, seen | {name})

    def _in(self, node: ast.AST, commands: frozenset[str], seen: frozenset[str]) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.match_case):
            commands = commands & _names(node.pattern) or commands
        if isinstance(node, ast.Call):
            name = _last_name(node.func)
            if name in self.events:
                yield from ((command, name) for command in commands)
            yield from self.made(name, commands, seen)
        for child in ast.iter_child_nodes(node):
            yield from self._in(child, commands, seen)


def made_by(model: WriteModel) -> dict[str, set[str]]:
    """For each command's name the names of the events that `decide` may answer it with."""
    functions = _functions(model.module)
    commands = frozenset(command.__name__ for command in model.commands)
    source = _Source(functions, commands, frozenset(event.__name__ for event in model.events))
    made = {command.__name__: _carried(command, source.events) for command in model.commands}
    for command, event in source.made(model.decider.decide.__name__, commands, frozenset()):
        made[command].add(event)
    return made


def _functions(module: ModuleType) -> dict[str, ast.FunctionDef]:
    """Those of the module, and of the modules of the same domain that it imports, its own first."""
    package = module.__name__.rpartition(".")[0]
    homes = {str(getattr(value, "__module__", "") or getattr(value, "__name__", "")) for value in vars(module).values()}
    used = sorted(home for home in homes if home.rpartition(".")[0] == package and home != module.__name__)
    trees = [ast.parse(inspect.getsource(part)) for part in (*(sys.modules[name] for name in used), module)]
    return {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


def _carried(command: type, events: frozenset[str]) -> set[str]:
    """An event that comes in with the command, made by an anti-corruption layer and only completed by the decision."""
    return {name for hint in get_type_hints(command).values() if (name := getattr(hint, "__name__", "")) in events}


def _names(pattern: ast.pattern) -> frozenset[str]:
    return frozenset(_last_name(node.cls) for node in ast.walk(pattern) if isinstance(node, ast.MatchClass))


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""
