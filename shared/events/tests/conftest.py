"""A registry of one's own: what a test registers is forgotten when it ends."""

from collections.abc import Iterator

import pytest

from shared.events.base import REGISTRY
from shared.events.upcasters import UPCASTERS


@pytest.fixture
def own_registry() -> Iterator[None]:
    events, steps = dict(REGISTRY), dict(UPCASTERS)
    yield
    REGISTRY.clear()
    REGISTRY.update(events)
    UPCASTERS.clear()
    UPCASTERS.update(steps)
