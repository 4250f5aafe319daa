"""What is mutated, and which tests have to notice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """Globs of the modules to mutate and of the tests that stand for them, as they lie in the flat copy of the code."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    needs_mongodb: bool = False


_CHECKPOINT_MODULES = ("positions", "projections", "documents", "folding", "lease", "parking", "relay")

SUBJECTS = {
    "kernel": Subject(("shared/kernel/*.py",), ("shared/kernel/tests/test_*.py",)),
    "deciders": Subject(("*/domain/*.py",), ("services/*/tests/domain/test_*.py",)),
    "checkpoints": Subject(
        tuple(f"shared/chassis/{name}.py" for name in _CHECKPOINT_MODULES),
        tuple(f"shared/chassis/tests/test_{name}.py" for name in (*_CHECKPOINT_MODULES, "fold_anew")),
        needs_mongodb=True,
    ),
}
