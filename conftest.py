"""For every test: asyncio under anyio, and the options and fixtures of the real servers."""

import pytest

pytest_plugins = ("shared.testing.stacks",)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
