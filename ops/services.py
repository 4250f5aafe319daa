"""The five services as data: what each decides, keeps, does and tells. Read from their code, not from servers."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from shared.chassis.worker_app import WorkerSpec
from shared.events.base import Event
from shared.events.topics import SERVICES
from shared.kernel.decider import Decider


@dataclass(frozen=True)
class WriteModel:
    """A decider, the module that holds it, and the types its `decide` takes and gives."""

    module: ModuleType
    decider: Decider[Any, Any, Any]

    @property
    def commands(self) -> tuple[type, ...]:
        """In the order of the union that `decide` takes."""
        hints = get_type_hints(self.decider.decide)
        hints.pop("return")
        return tuple(_members(next(iter(hints.values()))))

    @property
    def events(self) -> tuple[type[Event], ...]:
        """In the order of the union that `decide` gives."""
        (given,) = get_args(get_type_hints(self.decider.decide)["return"])[:1]
        return tuple(_members(given))


@dataclass(frozen=True)
class Service:
    """`name` is the one of topics and URLs; `package` is the import name."""

    name: str
    package: str
    spec: WorkerSpec
    write_models: tuple[WriteModel, ...]


def services() -> tuple[Service, ...]:
    """All five, in the order of the topics. ImportError unless the services' folders are on the path."""
    return tuple(_service(name) for name in SERVICES)


def _service(name: str) -> Service:
    package = name.replace("-", "_")
    spec: WorkerSpec = import_module(f"{package}.worker").SPEC
    return Service(name, package, spec, tuple(_write_models(package)))


def _write_models(package: str) -> Iterator[WriteModel]:
    domain = import_module(f"{package}.domain")
    for found in iter_modules(domain.__path__):
        module = import_module(f"{package}.domain.{found.name}")
        for value in vars(module).values():
            if isinstance(value, Decider) and value.decide.__module__ == module.__name__:
                yield WriteModel(module, value)


def _members(hint: Any) -> Iterator[Any]:
    """The classes of a union, nested or not."""
    if get_origin(hint) in (Union, UnionType):
        for member in get_args(hint):
            yield from _members(member)
    else:
        yield hint
