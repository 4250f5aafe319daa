"""The API in memory, and a provider that delivers to it."""

import pytest

from messaging.main import build
from messaging.settings import MessagingSettings
from shared.testing.api_in_memory import ApiInMemory


@pytest.fixture
def api() -> ApiInMemory:
    return ApiInMemory(build, MessagingSettings(public_url="https://portal.example"))
