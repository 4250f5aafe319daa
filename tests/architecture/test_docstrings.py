"""Every public name of the chassis says what it is; what has a unit names it; what can be raised is told."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.architecture.sources import is_test, python_files, tree

Function = ast.FunctionDef | ast.AsyncFunctionDef
UNITS = ("second", "minute", "hour", " s ", " s;", " s,", " s.", " s)", " ms", "byte", "kib", "mib", "µs", "nanosecond")
UNIT_IN_NAME = re.compile(r"(?i)(seconds?|ms|minutes|hours|days|bytes|percent)(_|$)")
TIMES = re.compile(r"(^|_)(timeout|patience|delay|pause|wait|within|age|interval|ttl|lifetime|since|deadline)(_|$)")
QUANTITIES = ("float", "timedelta")
COUNTS = re.compile(r"(^|_)(NO|CODE|ATTEMPTS|WINDOW|QUEUE|FULL|ERRORS|STREAM|DOCUMENTS|KIB)(_|$)")
RATIOS = {"share", "ratio"}
NOT_TOLD = {"AssertionError", "NotImplementedError", "SystemExit"}


@dataclass(frozen=True)
class Public:
    """A public name: `told` is its own docstring and that of the class it belongs to."""

    where: str
    node: ast.AST
    own: str
    told: str


@cache
def modules() -> tuple[str, ...]:
    return tuple(name for name in python_files("shared/chassis/") if not is_test(name))


def is_public(name: str) -> bool:
    return not name.startswith("_") or name == "__call__"


def public_names(name: str) -> Iterator[Public]:
    """The module, its functions and classes, and their methods; what is inside a function is nobody's to use."""
    module = tree(name)
    yield Public(name, module, ast.get_docstring(module) or "", ast.get_docstring(module) or "")
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and is_public(node.name):
            said = ast.get_docstring(node) or ""
            yield Public(f"{name}:{node.name}", node, said, said)
            if isinstance(node, ast.ClassDef):
                yield from _methods(name, node, said)


def _methods(name: str, of: ast.ClassDef, said: str) -> Iterator[Public]:
    for node in of.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_public(node.name):
            own = ast.get_docstring(node) or ""
            yield Public(f"{name}:{of.name}.{node.name}", node, own, f"{own}\n{said}")


@cache
def everything() -> tuple[Public, ...]:
    return tuple(found for name in modules() for found in public_names(name))


def functions() -> Iterator[tuple[Public, Function]]:
    for found in everything():
        if isinstance(found.node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield found, found.node


def names_a_unit(text: str) -> bool:
    return any(unit in f" {text.lower()} " for unit in UNITS)


def test_every_public_name_says_what_it_is() -> None:
    assert len(everything()) > 300
    assert [found.where for found in everything() if not found.own.strip()] == []


def test_a_docstring_says_more_than_its_name() -> None:
    """Two words in a row that the name does not have."""
    empty = []
    for found in everything():
        name = re.sub(r"[^a-z]", " ", found.where.rpartition(":")[2].lower()).split()
        words = [word for word in re.findall(r"[a-z]+", found.own.lower()) if word not in name]
        if len(words) < 2:
            empty.append((found.where, found.own))
    assert empty == []


def test_who_takes_a_time_says_in_which_unit() -> None:
    """A parameter that is a float, or called a timeout and the like, has its unit in its name or is told with one."""
    silent = []
    for found, node in functions():
        for argument in [*node.args.args, *node.args.kwonlyargs]:
            kind = ast.unparse(argument.annotation) if argument.annotation else ""
            is_time = ("float" in kind and argument.arg not in RATIOS) or (TIMES.search(argument.arg) and "int" in kind)
            if is_time and not UNIT_IN_NAME.search(argument.arg) and not names_a_unit(found.told):
                silent.append(f"{found.where}({argument.arg})")
    assert silent == []


def test_who_answers_with_a_quantity_says_in_which_unit() -> None:
    silent = [
        found.where
        for found, node in functions()
        if node.returns is not None
        and ast.unparse(node.returns) in QUANTITIES
        and not (names_a_unit(found.told) or UNIT_IN_NAME.search(node.name))
    ]
    assert silent == []


def test_a_named_number_has_its_unit_in_its_name_or_is_told_below() -> None:
    """Counts need none, times and sizes do."""
    assert [where for name in modules() for where in _numbers_without_unit(name)] == []


def _numbers_without_unit(name: str) -> Iterator[str]:
    body = tree(name).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
            continue
        number, constant = _number(node.value), node.targets[0].id
        told = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
        if number and is_public(constant) and not (told or UNIT_IN_NAME.search(constant) or COUNTS.search(constant)):
            yield f"{name}:{constant}"


def _number(value: ast.expr) -> bool:
    if isinstance(value, ast.BinOp):
        return _number(value.left) and _number(value.right)
    return isinstance(value, ast.Constant) and type(value.value) in (int, float)


def test_who_raises_an_error_of_ours_names_it() -> None:
    """What a public function raises itself, by name; `Problem` by its code or its status."""
    silent = []
    for found, node in functions():
        for error in _raised(node):
            if (
                error not in NOT_TOLD
                and error not in found.told
                and not (error == "Problem" and _tells_a_problem(found))
            ):
                silent.append(f"{found.where} raises {error}")
    assert silent == []


def _tells_a_problem(found: Public) -> bool:
    return bool(re.search(r"\b[45]\d\d\b", found.told))


def _raised(function: Function) -> set[str]:
    """The names of the classes that are raised in the function's own body."""
    raised = (node.exc for node in _own(function) if isinstance(node, ast.Raise))
    calls = (error.func for error in raised if isinstance(error, ast.Call))
    return {call.id for call in calls if isinstance(call, ast.Name) and call.id[0].isupper()}


def _own(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own(child)
