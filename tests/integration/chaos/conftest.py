"""What seeds and how many rounds: `--chaos-seed`, `--chaos-rounds`; a few fixed ones without them."""

from random import SystemRandom

import pytest

FIXED = ((24, 3), (319, 3))
"""Seeds and rounds of an ordinary run of all tests: between them they kill each server, APIs and workers."""
SECONDS_FOR_A_ROUND = 60


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The test's name holds the seed, so that every report tells it."""
    if "chaos_seed" in metafunc.fixturenames:
        metafunc.parametrize(("chaos_seed", "chaos_rounds"), _runs(metafunc.config))


def _runs(config: pytest.Config) -> list[tuple[int, int]]:
    seed, rounds = config.getoption("--chaos-seed"), config.getoption("--chaos-rounds")
    if seed is None and rounds is None:
        return list(FIXED)
    return [(seed if seed is not None else SystemRandom().randrange(10**6), rounds or FIXED[0][1])]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A round that hangs must not hang the run."""
    for item in items:
        call = getattr(item, "callspec", None)
        if call is not None and "chaos_rounds" in call.params:
            item.add_marker(pytest.mark.timeout(300 + SECONDS_FOR_A_ROUND * call.params["chaos_rounds"]))
