"""For every test: asyncio under anyio, and the options and fixtures of the real servers."""

import pytest

pytest_plugins = ("shared.testing.stacks",)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vetwire")
    group.addoption("--chaos-seed", type=int, help="the seed of the kill rounds; else a few fixed ones")
    group.addoption("--chaos-rounds", type=int, help="how many kill rounds; else a few")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
