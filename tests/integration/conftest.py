"""The folder says which kind of test it is."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
MARK_OF = {"contract": "servers", "journeys": "journey", "chaos": "chaos", "faults": "chaos"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            mark = MARK_OF.get(item.path.relative_to(HERE).parts[0])
            if mark is not None:
                item.add_marker(mark)
