"""The API in memory."""

import pytest

from scheduling.main import build
from scheduling.settings import SchedulingSettings
from shared.testing.api_in_memory import ApiInMemory


@pytest.fixture
def api() -> ApiInMemory:
    return ApiInMemory(build, SchedulingSettings())
