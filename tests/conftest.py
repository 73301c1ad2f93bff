"""What all tests share."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("retread", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("retread")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first: begun last, one of them would keep one core busy and the others idle."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
