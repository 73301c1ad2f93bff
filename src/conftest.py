"""What doctests find around them."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _names_in_doctests(doctest_namespace: dict[str, object], tmp_path: Path) -> None:
    doctest_namespace["folder"] = tmp_path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the doctest that trains models as slow."""
    for item in items:
        if item.name.startswith("retread.api"):
            item.add_marker(pytest.mark.slow)
