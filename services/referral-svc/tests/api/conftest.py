"""The API in memory."""

import pytest

from referral.main import build
from referral.settings import ReferralSettings
from shared.testing.api_in_memory import ApiInMemory


@pytest.fixture
def api() -> ApiInMemory:
    return ApiInMemory(build, ReferralSettings())
